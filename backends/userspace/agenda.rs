//! What the timer thread is to look at, and when: the timers' places on each clock, and who waits for steps.

use std::collections::BTreeMap;

use super::queue::{Place, Queue};
use super::schedule::{nanos, NEVER};
use crate::backends::sys::sync::{Arc, Thread};
use crate::clock::Clock;

/// The longest sleep while something hangs on a clock that is not the one the thread sleeps by: such a clock can jump,
/// and nobody says so.
const LONGEST_BLIND_SLEEP: u64 = 250_000_000;

/// How long, in nanoseconds, the thread stays when there is nothing it could ever be needed for.
const LINGER: u64 = 1_000_000_000;

/// All things, each with a time or waiting for steps of the wall clock.
pub(super) struct Agenda<T> {
    monotonic: Queue<Arc<T>>,
    realtime: Queue<Arc<T>>,
    boottime: Queue<Arc<T>>,
    pub(super) step_watchers: BTreeMap<u64, Arc<T>>,
    /// How many things there are that may come to stand here, and since when there are none.
    alive: usize,
    idle_since: u64,
    last_id: u64,
    /// Until when the thread sleeps, by the monotonic clock; 0 while it is awake.
    pub(super) sleeps_until: u64,
    /// The thread, once it has begun.
    pub(super) sleeper: Option<Thread>,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Agenda<T> {
        Agenda {
            monotonic: Queue::new(),
            realtime: Queue::new(),
            boottime: Queue::new(),
            step_watchers: BTreeMap::new(),
            alive: 0,
            idle_since: 0,
            last_id: 0,
            sleeps_until: 0,
            sleeper: None,
        }
    }

    /// Counts one more thing, and gives it a number that no other has.
    pub(super) fn enlist(&mut self) -> u64 {
        self.alive += 1;
        self.last_id += 1;
        self.last_id
    }

    /// Counts one less.
    pub(super) fn discharge(&mut self) {
        self.alive -= 1;
        if self.alive == 0 {
            self.idle_since = time(Clock::Monotonic);
        }
    }

    /// When the thread is to end, if it is: things come and go, and starting one for each would cost more than it does.
    pub(super) fn end(&self) -> Option<u64> {
        (self.alive == 0).then(|| self.idle_since.saturating_add(LINGER))
    }

    pub(super) fn queue(&mut self, clock: Clock) -> &mut Queue<Arc<T>> {
        match clock.without_alarm() {
            Clock::Realtime => &mut self.realtime,
            Clock::Boottime => &mut self.boottime,
            _ => &mut self.monotonic,
        }
    }

    /// When the thread must be up, by the monotonic clock.
    pub(super) fn wake_up(&self, now: u64) -> u64 {
        let on = |queue: &Queue<_>, clock| queue.first().map(|first| to_monotonic(clock, first.due, || now));
        let blind = (!self.step_watchers.is_empty()).then(|| now.saturating_add(LONGEST_BLIND_SLEEP));
        [
            on(&self.monotonic, Clock::Monotonic),
            on(&self.realtime, Clock::Realtime),
            on(&self.boottime, Clock::Boottime),
        ]
        .into_iter()
        .chain([blind, self.end()])
        .flatten()
        .min()
        .unwrap_or(NEVER)
    }

    /// Whether the thread sleeps past the time that something is due.
    pub(super) fn sleeps_past(&self, clock: Clock, due: u64) -> bool {
        to_monotonic(clock, due, || time(Clock::Monotonic)) < self.sleeps_until
    }

    /// Takes out what is due now.
    pub(super) fn take_due(&mut self, due: &mut Vec<(Clock, Place, Arc<T>)>) {
        for clock in [Clock::Monotonic, Clock::Realtime, Clock::Boottime] {
            let queue = self.queue(clock);
            if queue.first().is_none() {
                continue;
            }
            let now = time(clock);
            while let Some((place, thing)) = queue.pop_due(now) {
                due.push((clock, place, thing));
            }
        }
    }
}

/// The time to wake up, by the monotonic clock, for something due by another.
fn to_monotonic(clock: Clock, due: u64, now: impl FnOnce() -> u64) -> u64 {
    if clock == Clock::Monotonic {
        return due;
    }
    now().saturating_add(due.saturating_sub(time(clock)).min(LONGEST_BLIND_SLEEP))
}

/// The present time of a clock that is known to be there, in nanoseconds.
#[inline]
pub(super) fn time(clock: Clock) -> u64 {
    clock.now().map_or(0, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_can_jump_is_looked_at_four_times_a_second_and_no_other_is() {
        const HOUR: u64 = 3_600_000_000_000;
        let agenda = || {
            let mut agenda = Agenda::new();
            agenda.enlist();
            agenda
        };
        let at = |clock| {
            let mut agenda = agenda();
            agenda.queue(clock).insert(Place { due: time(clock) + HOUR, id: 1 }, Arc::new(()));
            let now = time(Clock::Monotonic);
            agenda.wake_up(now) - now
        };
        assert!(at(Clock::Monotonic) > HOUR / 2);
        assert_eq!(at(Clock::Realtime), 250_000_000);
        assert_eq!(at(Clock::Boottime), 250_000_000);
        let mut agenda = agenda();
        assert_eq!(agenda.wake_up(5), NEVER);
        agenda.step_watchers.insert(1, Arc::new(()));
        assert_eq!(agenda.wake_up(5), 250_000_005);
    }

    #[test]
    fn the_thread_is_to_end_a_second_after_the_last_is_gone_and_not_while_one_is_alive() {
        let mut agenda = Agenda::<()>::new();
        assert_ne!(agenda.enlist(), agenda.enlist());
        agenda.discharge();
        assert_eq!(agenda.end(), None);
        let before = time(Clock::Monotonic);
        agenda.discharge();
        let after = time(Clock::Monotonic);
        let end = agenda.end().unwrap();
        assert!((before..=after).contains(&(end - 1_000_000_000)));
        assert_eq!(agenda.wake_up(before), end);
        agenda.enlist();
        assert_eq!(agenda.end(), None);
    }
}
