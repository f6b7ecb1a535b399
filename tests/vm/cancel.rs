//! `cancel_on_set`: a clock step is reported once; the effect on the setting.

use crate::support::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, TimerSpec};
use std::time::Duration;

crate::cases![
    a_clock_step_is_reported_once_and_keeps_the_setting,
    several_clock_steps_are_reported_as_one,
    every_call_sees_a_clock_step_at_once,
    a_disarmed_timer_gets_ecanceled,
    a_clock_step_before_the_setting_is_not_reported,
    cancel_on_set_applies_only_to_absolute_wall_clock_times,
    settime_reports_a_clock_step_and_still_arms,
    disarming_with_cancel_on_set_keeps_a_pending_ecanceled,
    a_setting_without_cancel_on_set_comes_in_between,
    reporting_a_clock_step_disarms_an_expired_timer,
    gettime_or_a_read_keeps_an_expired_timer_armed_on_ecanceled,
    a_clock_step_hides_unread_expirations,
];

fn a_clock_step_is_reported_once_and_keeps_the_setting(backend: &TestBackend) {
    let timer = watching(backend);
    assert!(!is_readable(&timer));
    for secs in [5, -20] {
        backend.step_wall_clock(secs);
        // Only the thread processes the userspace timer; no method is called.
        until_readable(&timer);
        assert_canceled(timer.read());
        assert_nothing_to_read(&timer);
        assert!(!is_readable(&timer));
    }
    assert!(left(&timer) > HOUR && left(&timer) <= HOUR + 15 * SECOND);
    backend.step_wall_clock(2 * 3600);
    assert_canceled(timer.read());
    assert!(watching(backend).read().is_err(), "reported with cancel_on_set");
}

fn several_clock_steps_are_reported_as_one(backend: &TestBackend) {
    let timer = watching(backend);
    for secs in [7, 8, -1] {
        backend.step_wall_clock(secs);
        // The call makes the emulation see each step.
        timer.get().unwrap();
        until_readable(&timer);
    }
    assert_canceled(timer.read());
    assert_nothing_to_read(&timer);
}

fn every_call_sees_a_clock_step_at_once(backend: &TestBackend) {
    let timer = watching(backend);
    backend.step_wall_clock(5);
    assert_canceled(timer.read());
    backend.step_wall_clock(5);
    assert_canceled(timer.try_read());
    backend.step_wall_clock(5);
    assert_canceled(timer.wait(Some(Duration::ZERO)));
    backend.step_wall_clock(5);
    timer.get().unwrap();
    assert!(is_readable(&timer), "get sees the step and keeps the cancellation");
    assert_canceled(timer.replace(&in_an_hour(backend)));
    backend.step_wall_clock(5);
    timer.disarm().unwrap();
    assert_nothing_to_read(&timer);
}

fn a_disarmed_timer_gets_ecanceled(backend: &TestBackend) {
    let timer = open(backend);
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    for _ in 0..2 {
        backend.step_wall_clock(5);
        until_readable(&timer);
        assert_canceled(timer.read());
        assert_nothing_to_read(&timer);
    }
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
}

fn a_clock_step_before_the_setting_is_not_reported(backend: &TestBackend) {
    let timer = open(backend);
    backend.step_wall_clock(5);
    timer.set(&in_an_hour(backend)).unwrap();
    assert_nothing_to_read(&timer);
}

fn cancel_on_set_applies_only_to_absolute_wall_clock_times(backend: &TestBackend) {
    let marked = |clock, spec: TimerSpec| {
        let timer = backend.open_on(clock);
        timer.set(&spec.cancel_on_set()).unwrap();
        timer
    };
    let relative: Vec<_> = Clock::ALL.iter().map(|&clock| marked(clock, TimerSpec::after(10 * HOUR))).collect();
    let other = [Clock::Monotonic, Clock::Boottime, Clock::BoottimeAlarm]
        .map(|clock| marked(clock, TimerSpec::at(backend.now(clock) + HOUR)));
    let alarm = marked(Clock::RealtimeAlarm, TimerSpec::at(backend.now(Clock::Realtime) + HOUR));
    backend.step_wall_clock(5);
    until_readable(&alarm);
    assert_canceled(alarm.read());
    // All other timers have reported the clock step.
    relative.iter().chain(&other).for_each(assert_nothing_to_read);
}

fn settime_reports_a_clock_step_and_still_arms(backend: &TestBackend) {
    for past in [false, true] {
        let timer = watching(backend);
        backend.step_wall_clock(5);
        let time =
            if past { backend.now(Clock::Realtime) } else { backend.now(Clock::Realtime) + Duration::from_millis(5) };
        assert_canceled(timer.replace(&TimerSpec::at(time).cancel_on_set()));
        assert_eq!(backend.wait(&timer).unwrap(), 1);
    }
    let timer = watching(backend);
    backend.step_wall_clock(5);
    assert_canceled(timer.set(&in_an_hour(backend)));
    assert!(left(&timer) <= HOUR);
    assert!(!is_readable(&timer), "the step was reported");
    assert_nothing_to_read(&timer);
}

fn disarming_with_cancel_on_set_keeps_a_pending_ecanceled(backend: &TestBackend) {
    let timer = watching(backend);
    backend.step_wall_clock(5);
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    assert!(!is_readable(&timer));
    assert_canceled(timer.read());
    assert_nothing_to_read(&timer);
}

/// The kernel keeps the step until the next setting with `cancel_on_set`. The emulation forgets it.
fn a_setting_without_cancel_on_set_comes_in_between(backend: &TestBackend) {
    let timer = watching(backend);
    backend.step_wall_clock(5);
    timer.arm_at(backend.now(Clock::Realtime) + HOUR).unwrap();
    assert_nothing_to_read(&timer);
    let again = timer.replace(&in_an_hour(backend));
    if backend.is_kernel() {
        assert_canceled(again);
    } else {
        again.unwrap();
    }
    assert_nothing_to_read(&timer);
    assert!(left(&timer) <= HOUR);
}

fn reporting_a_clock_step_disarms_an_expired_timer(backend: &TestBackend) {
    let timer = open(backend);
    timer.set(&TimerSpec::at(backend.now(Clock::Realtime)).every(SECOND).cancel_on_set()).unwrap();
    until_readable(&timer);
    backend.step_wall_clock(5);
    assert_canceled(timer.read());
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(SECOND));
    backend.pass(SECOND);
    assert_nothing_to_read(&timer);
}

fn gettime_or_a_read_keeps_an_expired_timer_armed_on_ecanceled(backend: &TestBackend) {
    let settle: [fn(&portable_timerfd::TimerFd); 3] = [
        |timer| assert!(timer.get().unwrap().is_armed()),
        |timer| assert_eq!(timer.read().unwrap(), 1),
        |timer| assert_eq!(raw_read(timer).unwrap(), 1),
    ];
    for settle in settle {
        let timer = open(backend);
        timer.set(&TimerSpec::at(backend.now(Clock::Realtime)).every(HOUR).cancel_on_set()).unwrap();
        until_readable(&timer);
        settle(&timer);
        backend.step_wall_clock(5);
        assert_canceled(timer.read());
        assert!(left(&timer) > HOUR / 2);
        backend.step_wall_clock(3600);
        assert_canceled(timer.read());
    }
}

/// The reader gets one error instead of the count.
fn a_clock_step_hides_unread_expirations(backend: &TestBackend) {
    let timer = open(backend);
    timer.set(&TimerSpec::at(backend.now(Clock::Realtime)).cancel_on_set()).unwrap();
    until_readable(&timer);
    backend.step_wall_clock(5);
    assert_canceled(backend.wait(&timer));
    assert_nothing_to_read(&timer);
}
