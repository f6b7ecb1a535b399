//! Steps of the wall clock, on the userspace backend. The clock of the machine is left alone: this program has a
//! `clock_gettime` of its own, whose wall clock the tests set.
#![cfg(target_os = "linux")]

use nix::libc::{clockid_t, syscall, timespec, SYS_clock_gettime, CLOCK_REALTIME};
use portable_timerfd::{backends, Clock, Initial, Timer, TimerFd, TimerSpec, ECANCELED};
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Seconds by which the wall clock has been set forward.
static SET_FORWARD: AtomicI32 = AtomicI32::new(0);

/// # Safety
///
/// As the C library's: `time` is a valid place.
#[no_mangle]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> i32 {
    // SAFETY: the caller keeps the promise of a valid place.
    unsafe {
        let result = syscall(SYS_clock_gettime, clock, time);
        if result == 0 && clock == CLOCK_REALTIME {
            (*time).tv_sec += nix::libc::c_long::from(SET_FORWARD.load(Ordering::SeqCst));
        }
        result as i32
    }
}

/// One test at a time: they all set the same clock.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn step(secs: i32) {
    SET_FORWARD.fetch_add(secs, Ordering::SeqCst);
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn open() -> TimerFd {
    TimerFd::builder(Clock::Realtime).backend(backends::named("userspace").unwrap()).open().unwrap()
}

fn now() -> Duration {
    Clock::Realtime.now().unwrap()
}

/// A timer to expire in an hour, with notice of steps.
fn watching() -> TimerFd {
    let timer = open();
    timer.settime(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    timer
}

fn left(timer: &TimerFd) -> Duration {
    match timer.gettime().unwrap().initial() {
        Initial::After(left) => left,
        other => panic!("a time left was expected, not {other:?}"),
    }
}

#[track_caller]
fn assert_canceled<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(ECANCELED));
}

#[track_caller]
fn assert_nothing_to_read(timer: &TimerFd) {
    assert_eq!(timer.read().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_step_makes_readable_and_is_told_once_and_the_setting_stays() {
    let _alone = alone();
    let timer = watching();
    assert!(timer.wait(Some(Duration::ZERO)).is_err());
    for secs in [5, -20] {
        step(secs);
        // The thread looks within a quarter of a second; nobody else does.
        assert_canceled(timer.wait(None));
        assert_nothing_to_read(&timer);
    }
    assert!(left(&timer) > HOUR && left(&timer) <= HOUR + 15 * SECOND);
}

#[test]
fn several_steps_are_told_as_one() {
    let _alone = alone();
    let timer = watching();
    step(7);
    assert!(left(&timer) <= HOUR);
    step(8);
    assert_canceled(timer.wait(None));
    assert_nothing_to_read(&timer);
}

#[test]
fn any_call_sees_a_step_at_once() {
    let _alone = alone();
    let timer = watching();
    step(5);
    assert_canceled(timer.read());
    step(5);
    timer.gettime().unwrap();
    assert_canceled(timer.wait(Some(Duration::ZERO)));
    let late = open();
    late.settime(&TimerSpec::at(now() + HOUR)).unwrap();
    step(2 * 3600);
    assert_eq!(late.gettime().unwrap(), TimerSpec::disarmed());
    assert_eq!(late.wait(Some(Duration::ZERO)).unwrap(), 1);
}

#[test]
fn absolute_times_follow_steps_and_relative_ones_do_not() {
    let _alone = alone();
    let (absolute, relative) = (open(), open());
    absolute.settime(&TimerSpec::at(now() + 10 * SECOND).every(SECOND)).unwrap();
    relative.arm_after(HOUR).unwrap();
    step(2 * 3600);
    // Ten seconds in two hours, and then one a second.
    let count = absolute.wait(None).unwrap();
    assert!((7191..=7191 + 60).contains(&count), "{count}");
    assert!(left(&relative) > HOUR - 60 * SECOND);
    absolute.arm_at(now() + HOUR).unwrap();
    step(-3600);
    assert!(left(&absolute) > HOUR + 50 * 60 * SECOND);
}

#[test]
fn a_blocked_reader_is_told_too() {
    let _alone = alone();
    let timer = TimerFd::builder(Clock::Realtime).backend(backends::named("userspace").unwrap());
    let timer = timer.nonblocking(false).open().unwrap();
    timer.settime(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| timer.read());
        step(5);
        assert_canceled(reader.join().unwrap());
    });
}

#[test]
fn a_timer_that_had_expired_is_off_once_the_step_is_told() {
    let _alone = alone();
    let timer = open();
    timer.settime(&TimerSpec::at(now()).every(HOUR).cancel_on_set()).unwrap();
    step(5);
    assert_canceled(timer.read());
    assert_eq!(timer.gettime().unwrap(), TimerSpec::disarmed().every(HOUR));
}

#[test]
fn settime_tells_of_a_step_and_arms_all_the_same() {
    let _alone = alone();
    for past in [false, true] {
        let timer = watching();
        step(5);
        let time = if past { now() } else { now() + Duration::from_millis(5) };
        assert_canceled(timer.settime(&TimerSpec::at(time).cancel_on_set()));
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
}

#[test]
fn a_setting_without_the_mark_forgets_a_step() {
    let _alone = alone();
    let timer = watching();
    step(5);
    timer.arm_at(now() + HOUR).unwrap();
    assert_nothing_to_read(&timer);
    timer.settime(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    assert_nothing_to_read(&timer);
}

#[test]
fn a_disarmed_timer_with_the_mark_gives_notice_of_steps() {
    let _alone = alone();
    let timer = watching();
    step(5);
    timer.settime(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    assert_canceled(timer.read());
    assert_nothing_to_read(&timer);
    step(5);
    assert_canceled(timer.wait(None));
}

#[test]
fn a_step_before_the_setting_is_nobodys_business() {
    let _alone = alone();
    let timer = open();
    step(5);
    timer.settime(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    assert_nothing_to_read(&timer);
}
