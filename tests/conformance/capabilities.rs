//! Compares the capabilities that a backend reports with its behaviour.

use crate::support::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Capabilities, Clock, ClockTime, CreateFlags, TimerFd, TimerSpec};
use std::time::Duration;

crate::cases![
    a_clock_has_capabilities_exactly_if_it_can_be_opened,
    clock_steps_and_suspends_are_detected_at_once_or_within_250_ms,
    only_wall_clocks_support_cancel_on_set,
    only_alarm_clocks_wake_the_system,
];

/// Returns the capabilities of each clock that this thread may use.
fn capabilities(backend: &TestBackend) -> Vec<(Clock, Capabilities)> {
    Clock::ALL.iter().filter_map(|&clock| Some((clock, backend.inner.capabilities(clock).ok()?))).collect()
}

fn a_clock_has_capabilities_exactly_if_it_can_be_opened(backend: &TestBackend) {
    for &clock in Clock::ALL {
        let opened = errno(backend.inner.open(clock, CreateFlags::default()));
        assert_eq!(errno(backend.inner.capabilities(clock)), opened, "{clock:?}");
    }
    // The facade must report the same as the backend.
    for (clock, can) in capabilities(backend) {
        assert_eq!(TimerFd::builder(clock).backend(backend.inner).capabilities().unwrap(), can);
    }
    let here: Vec<_> = capabilities(backend).into_iter().map(|(clock, _)| clock).collect();
    assert!(clocks().iter().all(|clock| here.contains(clock)), "{here:?}");
}

/// `tests/clock_changes` and `tests/vm` change the clock and suspend.
fn clock_steps_and_suspends_are_detected_at_once_or_within_250_ms(backend: &TestBackend) {
    for (clock, can) in capabilities(backend) {
        let is_known = clock != Clock::Monotonic || can.counts_suspend == Some(false);
        assert_eq!(can.jump_latency.is_some(), is_known, "{clock:?}: {can:?}");
        assert!(can.jump_latency <= Some(ms(250)), "{clock:?}: {can:?}");
        assert!(clock != Clock::Monotonic || can.jump_latency <= Some(Duration::ZERO), "{can:?}");
        assert!(clock == Clock::Monotonic || can.counts_suspend == Some(true), "{clock:?}: {can:?}");
    }
}

/// `tests/clock_changes` and `tests/vm` test the effect on the wall clock. On other clocks the flag
/// is no error and has no effect.
fn only_wall_clocks_support_cancel_on_set(backend: &TestBackend) {
    for (clock, can) in capabilities(backend) {
        assert_eq!(can.cancel_on_set, clock.without_alarm() == Clock::Realtime, "{clock:?}");
        let timer = open_on(backend.inner, clock);
        timer.set(&TimerSpec::at(ClockTime::new(clock, Duration::MAX)).cancel_on_set()).unwrap();
        assert_nothing_to_read(&timer);
    }
}

fn only_alarm_clocks_wake_the_system(backend: &TestBackend) {
    for (clock, can) in capabilities(backend) {
        assert!(clock.is_alarm() || !can.wakes_system, "{clock:?}: {can:?}");
    }
}
