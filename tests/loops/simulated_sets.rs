//! A `TimerSet` in simulated time, in each loop that can await its entries: tokio and async-io.

use crate::awaited_set::{AwaitedSet, SetLoop};
use crate::simulated::Case;
use crate::support::*;
use futures_lite::future;
use portable_timerfd::{Clock, SimulatedClock, SimulatedTimer};

/// The cases, in one loop.
pub struct In<L>(L);

crate::cases_in_each![SetLoop:
    an_entry_is_returned_as_soon_as_the_clock_has_moved,
    a_taken_entry_leaves_the_timer_unread_until_the_next_await,
    a_day_passes_without_sleeping,
    a_clock_change_is_reported_once,
    a_clock_change_that_an_insertion_meets_is_reported_once,
    a_clock_change_that_makes_an_entry_due_is_reported_after_the_entry,
    a_clock_change_is_not_reported_by_default,
];

/// Returns a set on a clock, to be called in the loop.
fn open<L: SetLoop>(clock: Clock) -> (SimulatedClock, AwaitedSet<L, SimulatedTimer>) {
    let simulated = SimulatedClock::new();
    let entries = AwaitedSet::new(simulated.timer(clock).unwrap());
    (simulated, entries)
}

fn an_entry_is_returned_as_soon_as_the_clock_has_moved<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Monotonic);
        for value in 0..3 {
            let goal = clock.now(Clock::Monotonic) + HOUR;
            entries.set().insert_at(goal, value).unwrap();
            entries.assert_silent().await;
            clock.advance(HOUR - SECOND);
            entries.assert_silent().await;
            clock.advance(SECOND);
            entries.expect(value, goal).await;
        }
        entries.assert_silent().await;
    });
}

fn a_taken_entry_leaves_the_timer_unread_until_the_next_await<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Monotonic);
        for value in 1..=3 {
            entries.set().insert_after(HOUR * value, value).unwrap();
        }
        for value in 1..=2 {
            assert_eq!(clock.advance_to_next(), Some(HOUR));
            assert_eq!(entries.value().await, value);
            assert_eq!((clock.has_unread(), clock.next_expiration()), (true, None));
            entries.assert_silent().await;
            assert_eq!((clock.has_unread(), clock.next_expiration()), (false, Some(HOUR)));
        }
        clock.advance(HOUR);
        assert_eq!(entries.value().await, 3);
    });
}

/// Lets the other tasks run until no expiration is unread, and then advances the clock.
async fn pass(clock: &SimulatedClock) {
    loop {
        if !clock.has_unread() {
            clock.advance_to_next();
        }
        future::yield_now().await;
    }
}

/// The recipe for tests in the documentation of `TokioTimer`.
fn a_day_passes_without_sleeping<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Monotonic);
        let begin = clock.now(Clock::Monotonic);
        let day = async {
            let hours = entries.set().insert_every(HOUR, 0).unwrap();
            let timeout = entries.set().insert_after(HOUR * 2, 1).unwrap();
            for hour in 1..=24 {
                let expired = entries.next().await.unwrap();
                assert_eq!((expired.key, expired.count, expired.deadline), (hours, 1, begin + HOUR * hour));
                // Each hour postpones the timeout.
                assert!(entries.set().rearm_after(timeout, HOUR * 2).unwrap());
            }
        };
        future::or(day, pass(&clock)).await;
        assert_eq!(clock.now(Clock::Monotonic), begin + HOUR * 24);
    });
}

fn a_clock_change_is_reported_once<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Realtime);
        entries.set().report_clock_changes(true).unwrap();
        entries.assert_silent().await;
        let noon = clock.now(Clock::Realtime) + HOUR * 12;
        for hours in [5, 2, 1, 3] {
            clock.set_realtime(noon - HOUR * hours).unwrap();
            assert_canceled(entries.next().await);
            entries.assert_silent().await;
            if hours == 5 {
                entries.set().insert_at(noon, 1).unwrap();
                entries.set().insert_after(HOUR, 2).unwrap();
            }
        }
        // Two changes before the task runs are reported together.
        for hours in [3, 2] {
            clock.set_realtime(noon - HOUR * hours).unwrap();
        }
        assert_canceled(entries.next().await);
        for value in [2, 1] {
            clock.advance(HOUR);
            assert_eq!(entries.value().await, value);
            // The next await ends the drain, which sets the timer again.
            entries.assert_silent().await;
        }
    });
}

fn a_clock_change_that_an_insertion_meets_is_reported_once<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Realtime);
        entries.set().report_clock_changes(true).unwrap();
        entries.set().insert_after(HOUR, 2).unwrap();
        entries.assert_silent().await;
        clock.set_realtime(clock.now(Clock::Realtime) + HOUR).unwrap();
        // The insertion sets the timer, which then no longer reports the change itself.
        entries.set().insert_after(SECOND, 1).unwrap();
        assert_canceled(entries.next().await);
        entries.assert_silent().await;
        for (value, delay) in [(1, SECOND), (2, HOUR)] {
            clock.advance(delay);
            assert_eq!(entries.value().await, value);
            entries.assert_silent().await;
        }
    });
}

fn a_clock_change_that_makes_an_entry_due_is_reported_after_the_entry<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Realtime);
        entries.set().report_clock_changes(true).unwrap();
        let noon = clock.now(Clock::Realtime) + HOUR * 12;
        for value in [1, 2] {
            entries.set().insert_at(noon, value).unwrap();
        }
        entries.assert_silent().await;
        clock.set_realtime(noon).unwrap();
        assert_eq!([entries.value().await, entries.value().await], [1, 2]);
        assert_canceled(entries.next().await);
        entries.assert_silent().await;
    });
}

fn a_clock_change_is_not_reported_by_default<L: SetLoop>() {
    L::run(async {
        let (clock, mut entries) = open::<L>(Clock::Realtime);
        let noon = clock.now(Clock::Realtime) + HOUR * 12;
        for (value, hours) in [(1, 1), (2, 3)] {
            entries.set().insert_at(noon, value).unwrap();
            entries.set().insert_after(HOUR * 2, 3).unwrap();
            clock.set_realtime(noon - HOUR * hours).unwrap();
            entries.assert_silent().await;
            clock.set_realtime(noon).unwrap();
            assert_eq!(entries.value().await, value);
            entries.assert_silent().await;
            clock.set_realtime(noon - HOUR * 12).unwrap();
            clock.advance(HOUR * 2);
            assert_eq!(entries.value().await, 3);
        }
        entries.assert_silent().await;
    });
}
