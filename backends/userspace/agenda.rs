//! What the timer thread is to look at, and when: the timers' places on each clock, and who waits
//! for steps.

use super::lead::Lead;
use super::registry::Rounds;
use super::taken::{Reason, Taken};
use crate::backends::emulation::line::{Line, CLOCKS};
use crate::backends::emulation::queue::{Key, Place, Queues};
use crate::backends::emulation::schedule::{nanos, NEVER};
use crate::backends::sys::sync::Arc;
use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// The longest sleep while something hangs on a clock that is not the one the thread sleeps by:
/// such a clock can jump, and nobody says so.
pub(super) const LONGEST_BLIND_SLEEP: u64 = 250_000_000;

/// How long, in nanoseconds, the thread stays when there is nothing it could ever be needed for.
const LINGER: u64 = 1_000_000_000;

/// The queues by clock and punctuality, and one of unregistered timers that the thread has given
/// back.
const QUEUES: usize = CLOCKS.len() * Punctuality::ALL.len() + 1;
const GIVEN_BACK: usize = QUEUES - 1;

/// All timers, and when each is due.
///
/// The thread only takes timers and gives them back, and it never drops the last reference to one:
/// so it neither allocates nor frees. If it did, even once, glibc would give it a malloc arena: 64
/// MiB of address space, which count as locked memory under
/// `mlockall(MCL_FUTURE)`.
pub(super) struct Agenda<T> {
    timers: Queues<Arc<T>, Marks, QUEUES>,
    /// The number of timers that wait for clock changes.
    watchers: usize,
    /// How many things there are that may come to stand here, and since when there are none.
    alive: usize,
    idle_since: u64,
    /// When the thread is to look for what is abandoned.
    pub(super) rounds: Rounds,
    pub(super) lead: Lead,
    /// Until when the thread sleeps or holds, by the monotonic clock; 0 while it is at work.
    pub(super) rests_until: u64,
    /// Whether it holds: who comes then needs no lead.
    holds: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    hold: Hold,
    watches_steps: bool,
}

/// The holder of the agenda's reference to a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    /// The agenda, once the timer has been in a queue.
    #[default]
    Agenda,
    /// The thread, which has taken the timer.
    Thread,
    /// The thread, and the timer is unregistered.
    ThreadAlone,
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
            timers: Queues::new(),
            watchers: 0,
            alive: 0,
            idle_since: 0,
            rounds: Rounds::NONE,
            lead: Lead::new(),
            rests_until: 0,
            holds: false,
        }
    }

    /// Registers one more timer.
    pub(super) fn enlist(&mut self) -> Key {
        self.alive += 1;
        self.timers.register()
    }

    /// Unregisters a timer, and returns the reference to it, if there is one and the thread has not
    /// taken it.
    pub(super) fn discharge(&mut self, key: Key) -> Option<Arc<T>> {
        self.alive -= 1;
        if self.alive == 0 {
            self.idle_since = time(Clock::Monotonic);
        }
        let marks = self.timers.marks(key);
        self.watchers -= usize::from(std::mem::take(&mut marks.watches_steps));
        if marks.hold == Hold::Thread {
            marks.hold = Hold::ThreadAlone;
            self.timers.dequeue(key);
            return None;
        }
        self.timers.unregister(key)
    }

    /// Takes out a timer that was unregistered while the thread had it. The caller drops it,
    /// without the lock.
    pub(super) fn given_back(&mut self) -> Option<Arc<T>> {
        let place = self.timers.pop_due(GIVEN_BACK, u64::MAX)?;
        self.timers.unregister(place.key)
    }

    /// When the thread is to end, if it is: things come and go, and starting one for each would
    /// cost more than it does.
    pub(super) fn end(&self) -> Option<u64> {
        (self.alive == 0).then(|| self.idle_since.saturating_add(LINGER))
    }

    /// Moves a timer to this queue; whether it is the first there.
    pub(super) fn enqueue(&mut self, key: Key, (line, due): (Line, u64), thing: &Arc<T>) -> bool {
        self.keep(key, thing);
        let queue = index(line);
        self.timers.enqueue(key, queue, due);
        self.timers.first(queue) == Some(Place { due, key })
    }

    /// Takes a timer out of its queue.
    pub(super) fn dequeue(&mut self, key: Key) {
        self.timers.dequeue(key);
    }

    pub(super) fn watch_steps(&mut self, key: Key, thing: &Arc<T>) {
        self.keep(key, thing);
        self.watchers += usize::from(!std::mem::replace(&mut self.timers.marks(key).watches_steps, true));
    }

    pub(super) fn unwatch_steps(&mut self, key: Key) {
        self.watchers -= usize::from(std::mem::take(&mut self.timers.marks(key).watches_steps));
    }

    pub(super) fn has_watchers(&self) -> bool {
        self.watchers > 0
    }

    /// Sees to it that there is a reference to the timer.
    fn keep(&mut self, key: Key, thing: &Arc<T>) {
        if self.timers.marks(key).hold == Hold::Agenda {
            self.timers.value(key).get_or_insert_with(|| Arc::clone(thing));
        }
    }

    /// What is due first of all that is to be so punctual, and when, by the monotonic clock, which
    /// shows `now`.
    fn first(&self, punctuality: Punctuality, now: u64) -> Option<(u64, Line, Place)> {
        let first_on = |clock| {
            let line = Line { clock, punctuality };
            let place = self.timers.first(index(line))?;
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
        let blind = self.has_watchers().then(|| now.saturating_add(LONGEST_BLIND_SLEEP));
        ahead.chain([blind, self.end(), self.rounds.at()].into_iter().flatten()).min().unwrap_or(NEVER)
    }

    /// Whether the thread rests for too long for something due in this line.
    pub(super) fn rests_past(&self, line: Line, due: u64) -> bool {
        let lead = if self.holds { 0 } else { self.lead.of(line.punctuality) };
        to_monotonic(line.clock, due, || time(Clock::Monotonic)).saturating_sub(lead) < self.rests_until
    }

    /// Takes due timers until there is no more space for them, of each clock the most accurate
    /// first. A timer is due up to these `times` of the clocks: the first call of a pass gives
    /// `u64::MAX`, and gets the present times.
    pub(super) fn take_due(&mut self, times: &mut [u64; CLOCKS.len()], taken: &mut Taken<T>) {
        for (clock, limit) in CLOCKS.into_iter().zip(times) {
            let lines = Punctuality::ALL.map(|punctuality| Line { clock, punctuality });
            if lines.into_iter().all(|line| self.timers.first(index(line)).is_none()) {
                continue;
            }
            // A clock that is set back meanwhile must not make the thread take the same timer again
            // and again.
            *limit = time(clock).min(*limit);
            for line in lines.into_iter().rev() {
                while !taken.is_full() {
                    let Some(place) = self.timers.pop_due(index(line), *limit) else { break };
                    self.take(place.key, Reason::IsDue(line, place.due), taken);
                }
            }
        }
    }

    /// Takes a timer out of its queue, for which the thread is to hold.
    pub(super) fn take_early(&mut self, line: Line, place: Place, taken: &mut Taken<T>) {
        self.timers.dequeue(place.key);
        self.take(place.key, Reason::IsDue(line, place.due), taken);
    }

    /// Takes as many of the timers that wait for clock changes as there is space for, from this
    /// number on; the number after the last.
    pub(super) fn take_watchers(&mut self, mut number: u32, taken: &mut Taken<T>) -> u32 {
        while !taken.is_full() {
            let Some((key, next)) = self.timers.find_from(number, |marks| marks.watches_steps) else { break };
            self.take(key, Reason::ClockChange, taken);
            number = next;
        }
        number
    }

    fn take(&mut self, key: Key, reason: Reason, taken: &mut Taken<T>) {
        let Some(thing) = self.timers.value(key).take() else { return };
        self.timers.marks(key).hold = Hold::Thread;
        taken.push(key, reason, thing);
    }

    /// Puts the references that the thread has taken back. Nothing is dropped here.
    pub(super) fn give_back(&mut self, taken: &mut Taken<T>) {
        while let Some((key, thing)) = taken.pop() {
            *self.timers.value(key) = Some(thing);
            let hold = std::mem::take(&mut self.timers.marks(key).hold);
            if hold == Hold::ThreadAlone {
                self.timers.enqueue(key, GIVEN_BACK, 0);
            }
        }
    }
}

/// Which queue it is.
fn index(line: Line) -> usize {
    let (clock, punctuality) = line.indices();
    clock * Punctuality::ALL.len() + punctuality
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
    use super::super::taken::MOST;
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
            let key = agenda.enlist();
            agenda.enqueue(key, (line, time(clock) + HOUR), &Arc::new(()));
            let now = time(Clock::Monotonic);
            agenda.rest(now).1 - now
        };
        assert!(at(Clock::Monotonic) > HOUR / 2);
        assert_eq!(at(Clock::Realtime), 250_000_000);
        assert_eq!(at(Clock::Boottime), 250_000_000);
        let mut agenda = agenda();
        assert_eq!(agenda.rest(5), (Rest::Sleep, NEVER));
        let key = agenda.enlist();
        agenda.watch_steps(key, &Arc::new(()));
        assert_eq!(agenda.rest(5), (Rest::Sleep, 250_000_005));
    }

    #[test]
    fn the_thread_is_to_end_a_second_after_the_last_is_gone_and_not_while_one_is_alive() {
        let mut agenda = Agenda::<()>::new();
        let keys = [agenda.enlist(), agenda.enlist()];
        agenda.discharge(keys[0]);
        assert_eq!(agenda.end(), None);
        let before = time(Clock::Monotonic);
        agenda.discharge(keys[1]);
        let after = time(Clock::Monotonic);
        let end = agenda.end().unwrap();
        assert!((before..=after).contains(&(end - 1_000_000_000)));
        assert_eq!(agenda.rest(before), (Rest::Sleep, end));
        agenda.enlist();
        assert_eq!(agenda.end(), None);
    }

    const LINE: Line = Line { clock: Clock::Monotonic, punctuality: Punctuality::Economical };

    /// Registers a timer that is due at this time.
    fn due(agenda: &mut Agenda<u64>, due: u64) -> (Key, Arc<u64>) {
        let (key, timer) = (agenda.enlist(), Arc::new(due));
        agenda.enqueue(key, (LINE, due), &timer);
        (key, timer)
    }

    #[test]
    fn timers_are_taken_a_few_at_a_time_and_none_twice() {
        let mut agenda = Agenda::new();
        let timers: Vec<_> = (1..=300).map(|time| due(&mut agenda, time)).collect();
        let (mut taken, mut times, mut seen) = (Taken::new(), [200; CLOCKS.len()], Vec::new());
        loop {
            agenda.take_due(&mut times, &mut taken);
            if taken.is_empty() {
                break;
            }
            let some: Vec<u64> = taken.iter().map(|(_, timer)| **timer).collect();
            assert!(some.len() <= MOST);
            seen.extend(some);
            agenda.give_back(&mut taken);
            // Due later than the times at which the thread began, though it is due by now.
            agenda.enqueue(timers[0].0, (LINE, 201), &timers[0].1);
        }
        assert_eq!(seen, (1..=200).collect::<Vec<u64>>());
        assert!(timers.iter().all(|(_, timer)| Arc::strong_count(timer) == 2));
    }

    /// The thread must not be the one that frees it.
    #[test]
    fn a_timer_that_is_unregistered_while_the_thread_has_it_is_left_to_a_caller() {
        let mut agenda = Agenda::new();
        let (key, timer) = due(&mut agenda, 1);
        let mut taken = Taken::new();
        agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
        assert_eq!(agenda.discharge(key), None);
        assert_ne!(agenda.enlist(), key, "the thread still has the old one");
        assert_eq!(agenda.given_back(), None);
        agenda.give_back(&mut taken);
        assert_eq!(Arc::strong_count(&timer), 2);
        assert_eq!(agenda.given_back(), Some(timer));
        assert_eq!(agenda.given_back(), None);
        assert_eq!(agenda.enlist(), key);
    }

    #[test]
    fn a_timer_that_is_enqueued_while_the_thread_has_it_comes_again() {
        let mut agenda = Agenda::new();
        let (key, timer) = due(&mut agenda, 2);
        let mut taken = Taken::new();
        agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
        agenda.enqueue(key, (LINE, 1), &timer);
        agenda.give_back(&mut taken);
        agenda.take_due(&mut [u64::MAX; CLOCKS.len()], &mut taken);
        assert_eq!(taken.iter().map(|(reason, _)| reason).collect::<Vec<_>>(), [Reason::IsDue(LINE, 1)]);
    }

    #[test]
    fn every_timer_that_waits_for_clock_changes_is_taken_once() {
        let mut agenda = Agenda::new();
        let timers: Vec<_> = (0..300).map(|_| (agenda.enlist(), Arc::new(()))).collect();
        timers.iter().for_each(|(key, timer)| agenda.watch_steps(*key, timer));
        timers.iter().step_by(2).for_each(|(key, _)| agenda.unwatch_steps(*key));
        let (mut taken, mut number, mut count) = (Taken::new(), 0, 0);
        loop {
            number = agenda.take_watchers(number, &mut taken);
            if taken.is_empty() {
                break;
            }
            assert!(taken.iter().all(|(reason, _)| reason == Reason::ClockChange));
            count += taken.iter().count();
            agenda.give_back(&mut taken);
        }
        assert_eq!(count, 150);
        timers.iter().for_each(|(key, _)| drop(agenda.discharge(*key)));
        assert!(!agenda.has_watchers());
    }
}
