//! What the timer thread is to look at, and when: the timers' places on each clock, and who waits for steps.

use std::collections::BTreeMap;

use super::lead::Lead;
use super::registry::Rounds;
use crate::backends::emulation::line::{Line, CLOCKS};
use crate::backends::emulation::queue::{Place, Queue};
use crate::backends::emulation::schedule::{nanos, NEVER};
use crate::backends::sys::sync::Arc;
use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// The longest sleep while something hangs on a clock that is not the one the thread sleeps by: such a clock can jump,
/// and nobody says so.
pub(super) const LONGEST_BLIND_SLEEP: u64 = 250_000_000;

/// How long, in nanoseconds, the thread stays when there is nothing it could ever be needed for.
const LINGER: u64 = 1_000_000_000;

/// All things, each with a time or waiting for steps of the wall clock.
pub(super) struct Agenda<T> {
    /// By clock and punctuality.
    queues: [[Queue<Arc<T>>; Punctuality::ALL.len()]; CLOCKS.len()],
    pub(super) step_watchers: BTreeMap<u64, Arc<T>>,
    /// How many things there are that may come to stand here, and since when there are none.
    alive: usize,
    idle_since: u64,
    last_id: u64,
    /// When the thread is to look for what is abandoned.
    pub(super) rounds: Rounds,
    pub(super) lead: Lead,
    /// Until when the thread sleeps or holds, by the monotonic clock; 0 while it is at work.
    pub(super) rests_until: u64,
    /// Whether it holds: who comes then needs no lead.
    holds: bool,
}

/// How the thread spends the time until there is work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Sleep,
    /// Awake, on account of what stands there and is nearly due.
    Hold(Line, Place),
}

impl<T> Agenda<T> {
    pub(super) fn new() -> Agenda<T> {
        Agenda {
            queues: Default::default(),
            step_watchers: BTreeMap::new(),
            alive: 0,
            idle_since: 0,
            last_id: 0,
            rounds: Rounds::NONE,
            lead: Lead::new(),
            rests_until: 0,
            holds: false,
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

    pub(super) fn queue(&mut self, line: Line) -> &mut Queue<Arc<T>> {
        let (clock, punctuality) = line.indices();
        &mut self.queues[clock][punctuality]
    }

    /// What is due first of all that is to be so punctual, and when, by the monotonic clock, which shows `now`.
    fn first(&self, punctuality: Punctuality, now: u64) -> Option<(u64, Line, Place)> {
        let first_on = |clock| {
            let line = Line { clock, punctuality };
            let (clock_index, index) = line.indices();
            let place = self.queues[clock_index][index].first()?;
            Some((to_monotonic(clock, place.due, || now), line, place))
        };
        CLOCKS.into_iter().filter_map(first_on).min_by_key(|&(due, ..)| due)
    }

    /// The thread is to rest, from `now` on: how, and until when.
    pub(super) fn rest(&mut self, now: u64) -> (Rest, u64) {
        self.lead.save(now);
        let firsts = Punctuality::ALL.map(|punctuality| self.first(punctuality, now));
        let is_near = |&(due, line, _): &(u64, Line, Place)| due.saturating_sub(self.lead.of(line.punctuality)) <= now;
        let (rest, until) = match firsts.into_iter().rev().flatten().find(is_near) {
            Some((due, line, place)) => {
                let first_of_all = firsts.into_iter().flatten().map(|(due, ..)| due).min();
                (Rest::Hold(line, place), first_of_all.unwrap_or(due))
            }
            None => (Rest::Sleep, self.wake_up(firsts.into_iter().flatten(), now)),
        };
        (self.holds, self.rests_until) = (rest != Rest::Sleep, until);
        (rest, until)
    }

    /// When the thread must be up.
    fn wake_up(&self, firsts: impl Iterator<Item = (u64, Line, Place)>, now: u64) -> u64 {
        let ahead = firsts.map(|(due, line, _)| due.saturating_sub(self.lead.of(line.punctuality)));
        let blind = (!self.step_watchers.is_empty()).then(|| now.saturating_add(LONGEST_BLIND_SLEEP));
        ahead.chain([blind, self.end(), self.rounds.at()].into_iter().flatten()).min().unwrap_or(NEVER)
    }

    /// Whether the thread rests for too long for something due in this line.
    pub(super) fn rests_past(&self, line: Line, due: u64) -> bool {
        let lead = if self.holds { 0 } else { self.lead.of(line.punctuality) };
        to_monotonic(line.clock, due, || time(Clock::Monotonic)).saturating_sub(lead) < self.rests_until
    }

    /// Takes out what is due now, of each clock the most punctual first.
    pub(super) fn take_due(&mut self, due: &mut Vec<((Line, u64), Arc<T>)>) {
        for (clock, queues) in CLOCKS.into_iter().zip(&mut self.queues) {
            if queues.iter().all(|queue| queue.first().is_none()) {
                continue;
            }
            let now = time(clock);
            for (punctuality, queue) in Punctuality::ALL.into_iter().zip(queues).rev() {
                while let Some((place, thing)) = queue.pop_due(now) {
                    due.push(((Line { clock, punctuality }, place.due), thing));
                }
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
            let line = Line { clock, punctuality: Punctuality::Economical };
            agenda.queue(line).insert(Place { due: time(clock) + HOUR, id: 1 }, Arc::new(()));
            let now = time(Clock::Monotonic);
            agenda.rest(now).1 - now
        };
        assert!(at(Clock::Monotonic) > HOUR / 2);
        assert_eq!(at(Clock::Realtime), 250_000_000);
        assert_eq!(at(Clock::Boottime), 250_000_000);
        let mut agenda = agenda();
        assert_eq!(agenda.rest(5), (Rest::Sleep, NEVER));
        agenda.step_watchers.insert(1, Arc::new(()));
        assert_eq!(agenda.rest(5), (Rest::Sleep, 250_000_005));
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
        assert_eq!(agenda.rest(before), (Rest::Sleep, end));
        agenda.enlist();
        assert_eq!(agenda.end(), None);
    }
}
