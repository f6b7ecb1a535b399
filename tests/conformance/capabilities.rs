//! What a backend says it can do, beside what it does.

use crate::row::Row;
use crate::support::*;
use portable_timerfd::{Capabilities, Clock, CreateFlags, Timer, TimerFd, TimerSpec};
use std::time::Duration;

crate::cases![
    a_clock_has_capabilities_exactly_if_it_can_be_opened,
    steps_and_suspends_are_noticed_at_once_or_within_250_ms,
    cancel_on_set_is_of_the_wall_clock,
    only_alarm_clocks_wake_the_machine,
];

/// By clock, of those that this thread may use.
fn capabilities(row: &Row) -> Vec<(Clock, Capabilities)> {
    Clock::ALL.iter().filter_map(|clock| Some((*clock, row.backend.capabilities(*clock).ok()?))).collect()
}

fn a_clock_has_capabilities_exactly_if_it_can_be_opened(row: &Row) {
    for clock in Clock::ALL {
        let opened = errno(row.backend.open(clock, CreateFlags::default()));
        assert_eq!(errno(row.backend.capabilities(clock)), opened, "{clock:?}");
    }
    // What the facade says is what the backend does.
    for (clock, can) in capabilities(row) {
        assert_eq!(TimerFd::builder(clock).backend(row.backend).capabilities().unwrap(), can);
    }
    let here: Vec<_> = capabilities(row).into_iter().map(|(clock, _)| clock).collect();
    assert!(clocks().iter().all(|clock| here.contains(clock)), "{here:?}");
}

/// `tests/steps` and `tests/vm` step the clock and suspend.
fn steps_and_suspends_are_noticed_at_once_or_within_250_ms(row: &Row) {
    for (clock, can) in capabilities(row) {
        let is_known = clock != Clock::Monotonic || can.counts_suspend == Some(false);
        assert_eq!(can.notices_jumps_within.is_some(), is_known, "{clock:?}: {can:?}");
        assert!(can.notices_jumps_within <= Some(ms(250)), "{clock:?}: {can:?}");
        assert!(clock != Clock::Monotonic || can.notices_jumps_within <= Some(Duration::ZERO), "{can:?}");
        assert!(clock == Clock::Monotonic || can.counts_suspend == Some(true), "{clock:?}: {can:?}");
    }
}

/// `tests/steps` and `tests/vm` show that it is obeyed there. Elsewhere no error comes of it, and nothing is told.
fn cancel_on_set_is_of_the_wall_clock(row: &Row) {
    for (clock, can) in capabilities(row) {
        assert_eq!(can.cancel_on_set, clock.without_alarm() == Clock::Realtime, "{clock:?}");
        let timer = open_on(row.backend, clock);
        timer.settime(&TimerSpec::at(Duration::MAX).cancel_on_set()).unwrap();
        assert_nothing_to_read(&timer);
    }
}

fn only_alarm_clocks_wake_the_machine(row: &Row) {
    for (clock, can) in capabilities(row) {
        assert!(clock.is_alarm() || !can.wakes_the_machine, "{clock:?}: {can:?}");
    }
}
