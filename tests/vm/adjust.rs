//! Other changes of a wall clock: slewing, setting by other calls, leap seconds.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::libc::{self, c_long, timex};
use portable_timerfd::{Clock, ClockTime, TimerFd, TimerSpec};
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
    for set in [step_wall_clock, step_by_settimeofday, step_by_adjtimex] {
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

/// A mode of `adjtimex(2)` that slews, and its request: 1 for the maximum rate, -1 for the maximum
/// rate backwards, 0 to stop.
type Slew = (libc::c_uint, fn(&mut timex, c_long));

const SLEWS: [Slew; 3] = [
    // In parts per million, times 65,536.
    (libc::ADJ_FREQUENCY, |request, way| request.freq = way * (500 << 16)),
    // The length of a tick at 100 Hz, in µs.
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
            timer.set(&TimerSpec::at(time).cancel_on_set()).unwrap();
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

/// Waits for what the kernel does at its next tick. On an idle machine the kernel may postpone
/// ticks.
fn wait_awake(timer: &TimerFd) -> std::io::Result<u64> {
    loop {
        match timer.wait(Some(Duration::from_millis(50))) {
            Err(e) if e.kind() == std::io::ErrorKind::TimedOut => {}
            result => return result,
        }
    }
}

/// The last second of a day occurs twice.
///
/// For some milliseconds before the second time, until its next tick, Linux's clock shows the next
/// day. The kernel's own timers account for that. The emulation uses the clock, so its timers
/// expire then.
fn a_leap_second_is_a_step_back(backend: &TestBackend) {
    let (watch, timer, first) = (open(backend), open(backend), open(backend));
    let days = now().since_zero().as_secs() / 86_400;
    let midnight = ClockTime::new(Clock::Realtime, Duration::from_secs((days + 2) * 86_400));
    set_wall_clock(midnight - Duration::from_millis(3200));
    set_clock_status(libc::STA_INS);
    watch.set(&in_an_hour(backend)).unwrap();
    timer.arm_at(midnight + SECOND / 2).unwrap();
    first.arm_at(midnight).unwrap();
    let (count, at_first) = (wait_awake(&first), now());
    let (told, told_at) = (wait_awake(&watch), now());
    let (last, at_last) = (wait_awake(&timer), now());
    // Leaving this mode makes the kernel forget the leap second.
    set_clock_status(libc::STA_PLL);
    set_clock_status(0);
    assert_canceled(told);
    assert!(told_at >= midnight - SECOND, "{told_at:?}, {midnight:?}");
    assert_eq!((count.unwrap(), last.unwrap()), (1, 1));
    assert!(at_first >= midnight || !backend.is_kernel(), "{at_first:?}, {midnight:?}");
    assert!(at_last >= midnight + SECOND / 2, "{at_last:?}, {midnight:?}");
}

/// The kernel reports each of these steps. The emulation cannot distinguish them from the time
/// between two readings of the clocks.
fn a_clock_step_of_some_nanoseconds(backend: &TestBackend) {
    let timer = watching(backend);
    adjust(libc::ADJ_SETOFFSET | libc::ADJ_NANO, |request| request.time.tv_usec = 1);
    if backend.is_kernel() {
        assert_canceled(timer.read());
    }
    assert_nothing_to_read(&timer);
}
