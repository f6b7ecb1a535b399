//! What else happens to a wall clock: it is slewed, set by other calls, corrected by leap seconds.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::libc::{self, c_long, timex};
use portable_timerfd::{Timer, TimerFd, TimerSpec};
use std::thread;
use std::time::Duration;

crate::cases![
    every_way_to_set_the_clock_is_reported_and_followed,
    slewing_is_no_clock_step_and_makes_no_timer_early,
    setting_the_tai_offset_or_the_time_zone_is_no_clock_step,
    a_leap_second_is_a_step_back,
    a_clock_step_of_some_nanoseconds,
];

fn step_by_adjtimex(secs: i64) {
    adjust(libc::ADJ_SETOFFSET | libc::ADJ_NANO, |request| request.time.tv_sec = secs as _);
}

fn every_way_to_set_the_clock_is_reported_and_followed(backend: &TestBackend) {
    for set in [step, step_by_settimeofday, step_by_adjtimex] {
        for secs in [5, -5] {
            let timer = watching(backend);
            set(secs);
            until_readable(&timer);
            assert_canceled(timer.read());
        }
        let timer = open(backend);
        timer.arm_at(now() + HOUR).unwrap();
        set(3600);
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
}

/// A mode of `adjtimex(2)` that slews, and what to ask it for: 1 for the most it takes, -1 for that the other way, 0 to end it.
type Slew = (libc::c_uint, fn(&mut timex, c_long));

const SLEWS: [Slew; 3] = [
    // In millionths, times 65,536.
    (libc::ADJ_FREQUENCY, |request, way| request.freq = way * (500 << 16)),
    // How long a tick of a hundred a second is, in µs.
    (libc::ADJ_TICK, |request, way| request.tick = 10_000 + way * 1000),
    // In µs.
    (libc::ADJ_OFFSET_SINGLESHOT, |request, way| request.offset = way * 100_000),
];

fn slewing_is_no_clock_step_and_makes_no_timer_early(backend: &TestBackend) {
    for (modes, fill) in SLEWS {
        for way in [1, -1] {
            let watching = watching(backend);
            let timer = open(backend);
            let time = now() + Duration::from_millis(300);
            timer.settime(&TimerSpec::at(time).cancel_on_set()).unwrap();
            adjust(modes, |request| fill(request, way));
            let count = timer.wait(None);
            let end = now();
            let told = watching.read();
            adjust(modes, |request| fill(request, 0));
            assert_eq!(count.unwrap(), 1);
            assert!(end >= time, "{modes:x} {way}");
            assert_errno(told, libc::EAGAIN);
        }
    }
}

fn setting_the_tai_offset_or_the_time_zone_is_no_clock_step(backend: &TestBackend) {
    let timer = watching(backend);
    for offset in [37, 0] {
        adjust(libc::ADJ_TAI, |request| request.constant = offset);
        set_time_zone();
        thread::sleep(Duration::from_millis(300));
        assert_nothing_to_read(&timer);
    }
}

/// Waits for what a kernel does at its next tick: a machine where nobody does anything may put that off.
fn wait_awake(timer: &TimerFd) -> std::io::Result<u64> {
    loop {
        match timer.wait(Some(Duration::from_millis(50))) {
            Err(e) if e.kind() == std::io::ErrorKind::TimedOut => {}
            result => return result,
        }
    }
}

/// The last second of a day comes twice.
///
/// Some milliseconds before it comes again, until its next tick, Linux's clock shows the day after. Its own timers know
/// better; ours go by the clock, and expire then.
fn a_leap_second_is_a_step_back(backend: &TestBackend) {
    let (watch, timer, first) = (open(backend), open(backend), open(backend));
    let midnight = Duration::from_secs((now().as_secs() / 86_400 + 2) * 86_400);
    set_wall_clock(midnight - Duration::from_millis(3200));
    set_clock_status(libc::STA_INS);
    watch.settime(&in_an_hour(backend)).unwrap();
    timer.arm_at(midnight + SECOND / 2).unwrap();
    first.arm_at(midnight).unwrap();
    let (count, at_first) = (wait_awake(&first), now());
    let (told, told_at) = (wait_awake(&watch), now());
    let (last, at_last) = (wait_awake(&timer), now());
    // Leaving this mode puts the leap second out of the kernel's mind.
    set_clock_status(libc::STA_PLL);
    set_clock_status(0);
    assert_canceled(told);
    assert!(told_at >= midnight - SECOND, "{told_at:?}, {midnight:?}");
    assert_eq!((count.unwrap(), last.unwrap()), (1, 1));
    assert!(at_first >= midnight || !backend.is_kernel(), "{at_first:?}, {midnight:?}");
    assert!(at_last >= midnight + SECOND / 2, "{at_last:?}, {midnight:?}");
}

/// The kernel knows of each; the emulation can't tell it from the time it takes to read two clocks.
fn a_clock_step_of_some_nanoseconds(backend: &TestBackend) {
    let timer = watching(backend);
    adjust(libc::ADJ_SETOFFSET | libc::ADJ_NANO, |request| request.time.tv_usec = 1);
    if backend.is_kernel() {
        assert_canceled(timer.read());
    }
    assert_nothing_to_read(&timer);
}
