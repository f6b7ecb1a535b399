//! The compatibility layer for the `timerfd` crate, on every backend: that crate's own tests, its
//! documentation, and the differences.

#[path = "common/mod.rs"]
mod common;

use common::{assert_canceled, backends_here, is_nonblocking_and_closed_on_exec, is_readable, until_readable, HOUR};
use nix::sys::pthread::{pthread_kill, pthread_self, Pthread};
use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
use portable_timerfd::compat::timerfd::{ClockId, SetTimeFlags, TimerFd, TimerState};
use portable_timerfd::{Backend, Clock, SimulatedClock};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const OFFSET: Duration = Duration::from_secs(100);
const INTERVAL: Duration = Duration::from_micros(700);

fn open(backend: Backend, clock: Clock, nonblocking: bool) -> TimerFd {
    portable_timerfd::TimerFd::builder(clock).backend(backend).nonblocking(nonblocking).open().unwrap().into()
}

/// Calls `check` with a timer of each backend for each of these clocks.
fn on_each(clocks: &[Clock], nonblocking: bool, check: impl Fn(TimerFd, Clock)) {
    for backend in backends_here() {
        for &clock in clocks {
            check(open(backend, clock, nonblocking), clock);
        }
    }
}

/// Asserts that `left` is the remaining time of `whole` a moment after the setting.
#[track_caller]
fn assert_left(left: Duration, whole: Duration) {
    assert!(left <= whole && left > whole - OFFSET, "{left:?} of {whole:?}");
}

#[test]
fn a_timer_of_each_clock_is_disarmed_at_first() {
    on_each(&common::clocks(), true, |timer, _| assert_eq!(timer.get_state().unwrap(), TimerState::Disarmed));
    for clock in [ClockId::Realtime, ClockId::Monotonic] {
        let timer = TimerFd::new_custom(clock, true, false).unwrap();
        assert_eq!(timer.get_state().unwrap(), TimerState::Disarmed);
    }
}

#[test]
fn a_relative_setting_counts_down() {
    on_each(&[Clock::Monotonic], false, |mut timer, _| {
        let set = timer.set_state(TimerState::Oneshot(OFFSET), SetTimeFlags::Default).unwrap();
        assert_eq!(set, TimerState::Disarmed);
        let TimerState::Oneshot(left) = timer.get_state().unwrap() else { panic!("it is one shot") };
        assert_left(left, OFFSET);
        let TimerState::Oneshot(left) = timer.set_state(TimerState::Disarmed, SetTimeFlags::Default).unwrap() else {
            panic!("it was one shot")
        };
        assert_left(left, OFFSET);
        assert_eq!(timer.get_state().unwrap(), TimerState::Disarmed);
    });
}

#[test]
fn a_wall_clock_time_counts_down_with_and_without_cancel_on_set() {
    for flags in [SetTimeFlags::Abstime, SetTimeFlags::TimerCancelOnSet] {
        on_each(&[Clock::Realtime], true, |mut timer, clock| {
            let time = clock.now().unwrap() + OFFSET;
            timer.set_state(TimerState::Oneshot(time.since_zero()), flags).unwrap();
            let TimerState::Oneshot(left) = timer.get_state().unwrap() else { panic!("it is one shot") };
            assert_left(left, OFFSET);
        });
    }
}

#[test]
fn settings_are_returned_as_they_were_set() {
    on_each(&[Clock::Monotonic], true, |mut timer, _| {
        let periodic = TimerState::Periodic { current: HOUR, interval: Duration::new(0, 1) };
        timer.set_state(periodic, SetTimeFlags::Default).unwrap();
        let TimerState::Periodic { current, interval } = timer.get_state().unwrap() else { panic!("it is periodic") };
        assert_left(current, HOUR);
        assert_eq!(interval, Duration::new(0, 1));
    });
}

#[test]
fn a_blocking_read_waits_and_counts() {
    on_each(&[Clock::Monotonic], false, |mut timer, clock| {
        let first = clock.now().unwrap() + Duration::from_millis(2);
        let state = TimerState::Periodic { current: first.since_zero(), interval: INTERVAL };
        timer.set_state(state, SetTimeFlags::Abstime).unwrap();
        common::assert_counts_by_the_clock(clock, first, INTERVAL, || timer.read().unwrap() + timer.read().unwrap());
    });
}

#[test]
fn a_nonblocking_read_without_an_expiration_returns_zero() {
    on_each(&[Clock::Monotonic], true, |mut timer, _| {
        assert_eq!(timer.read().unwrap(), 0);
        timer.set_state(TimerState::Oneshot(Duration::from_millis(1)), SetTimeFlags::Default).unwrap();
        until_readable(&timer);
        assert_eq!((timer.read().unwrap(), timer.read().unwrap()), (1, 0));
        assert_eq!(timer.get_state().unwrap(), TimerState::Disarmed);
    });
}

#[test]
fn zero_means_now_and_not_disarmed() {
    on_each(&[Clock::Monotonic], true, |mut timer, _| {
        for flags in [SetTimeFlags::Default, SetTimeFlags::Abstime] {
            timer.set_state(TimerState::Oneshot(Duration::ZERO), flags).unwrap();
            until_readable(&timer);
            assert_eq!(timer.read().unwrap(), 1);
        }
        timer
            .set_state(TimerState::Periodic { current: Duration::ZERO, interval: HOUR }, SetTimeFlags::Default)
            .unwrap();
        until_readable(&timer);
        assert_eq!(timer.read().unwrap(), 1);
        assert!(matches!(timer.get_state().unwrap(), TimerState::Periodic { .. }));
    });
}

#[test]
fn disarming_makes_a_timer_unreadable_and_the_longest_time_is_never() {
    on_each(&[Clock::Monotonic], true, |mut timer, _| {
        timer.set_state(TimerState::Oneshot(Duration::ZERO), SetTimeFlags::Default).unwrap();
        until_readable(&timer);
        timer.set_state(TimerState::Disarmed, SetTimeFlags::Default).unwrap();
        assert!(!is_readable(&timer));
        timer.set_state(TimerState::Oneshot(Duration::MAX), SetTimeFlags::Default).unwrap();
        let longest = TimerState::Periodic { current: Duration::MAX, interval: Duration::MAX };
        timer.set_state(longest, SetTimeFlags::Default).unwrap();
        assert!(!is_readable(&timer));
    });
}

#[test]
fn a_step_of_the_wall_clock_is_an_error_and_no_panic() {
    let clock = SimulatedClock::new();
    let in_an_hour = || TimerState::Oneshot((clock.now(Clock::Realtime) + HOUR).since_zero());
    let step = || clock.set_realtime(clock.now(Clock::Realtime) + OFFSET).unwrap();
    for state in [in_an_hour(), TimerState::Disarmed] {
        let simulated = portable_timerfd::TimerFd::from(clock.timer(Clock::Realtime).unwrap());
        let mut timer = TimerFd::from(simulated);
        timer.set_state(state, SetTimeFlags::TimerCancelOnSet).unwrap();
        step();
        assert_canceled(timer.read());
        assert_eq!(timer.read().unwrap(), 0);
        step();
        assert_canceled(timer.set_state(in_an_hour(), SetTimeFlags::TimerCancelOnSet));
    }
}

#[test]
fn a_clock_step_is_not_reported_without_cancel_on_set() {
    let clock = SimulatedClock::new();
    let mut timer = TimerFd::from(portable_timerfd::TimerFd::from(clock.timer(Clock::Realtime).unwrap()));
    let first = clock.now(Clock::Realtime) + HOUR;
    timer.set_state(TimerState::Oneshot(first.since_zero()), SetTimeFlags::Abstime).unwrap();
    clock.set_realtime(first - OFFSET).unwrap();
    assert_eq!(timer.read().unwrap(), 0);
    clock.set_realtime(first).unwrap();
    assert_eq!(timer.read().unwrap(), 1);
}

#[test]
fn a_blocking_read_survives_signals() {
    extern "C" fn nothing(_: i32) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    on_each(&[Clock::Monotonic], false, |mut timer, _| {
        // A pointer on some systems, which could not be shared with the thread.
        let reader = pthread_self() as usize;
        timer.set_state(TimerState::Oneshot(Duration::from_millis(20)), SetTimeFlags::Default).unwrap();
        let has_read = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !has_read.load(Ordering::Relaxed) {
                    pthread_kill(reader as Pthread, Signal::SIGUSR1).unwrap();
                    thread::sleep(Duration::from_millis(1));
                }
            });
            assert_eq!(timer.read().unwrap(), 1);
            has_read.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn timers_block_and_are_inherited_unless_flags_say_otherwise() {
    let timer = TimerFd::new().unwrap();
    assert_eq!(is_nonblocking_and_closed_on_exec(&timer), (false, false));
    assert_eq!(portable_timerfd::TimerFd::from(timer).clock(), Clock::Monotonic);
    for (nonblocking, cloexec) in [(true, false), (false, true), (true, true)] {
        let timer = TimerFd::new_custom(ClockId::Monotonic, nonblocking, cloexec).unwrap();
        assert_eq!(is_nonblocking_and_closed_on_exec(&timer), (nonblocking, cloexec));
    }
}

#[test]
fn clocks_are_named_and_numbered_as_on_linux() {
    let all =
        [ClockId::Realtime, ClockId::Monotonic, ClockId::Boottime, ClockId::RealtimeAlarm, ClockId::BoottimeAlarm];
    assert_eq!(all.map(Clock::from), Clock::ALL);
    let known = [
        (0, "CLOCK_REALTIME"),
        (1, "CLOCK_MONOTONIC"),
        (7, "CLOCK_BOOTTIME"),
        (8, "CLOCK_REALTIME_ALARM"),
        (9, "CLOCK_BOOTTIME_ALARM"),
    ];
    for (clock, (number, name)) in all.into_iter().zip(known) {
        assert_eq!((clock.to_string(), format!("{clock:?}")), (name.to_owned(), format!("{number} ({name})")));
    }
}

#[test]
fn a_compat_timer_converts_into_its_timer() {
    on_each(&[Clock::Monotonic], true, |mut timer, clock| {
        timer.set_state(TimerState::Oneshot(Duration::from_millis(1)), SetTimeFlags::Default).unwrap();
        let timer = portable_timerfd::TimerFd::from(timer);
        assert_eq!((timer.clock(), timer.wait(None).unwrap()), (clock, 1));
    });
}
