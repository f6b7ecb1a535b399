//! What the timer thread is to look at, and when: the timers' places on each clock, and who waits
//! for steps.

use super::lead::Lead;
use super::refreshes::{self, Refreshes};
use super::registry::Rounds;
use super::taken::{Reason, Taken};
use crate::backends::emulation::line::{Line, Urgency, CLOCKS};
use crate::backends::emulation::queue::{Key, Place, Queues};
use crate::backends::emulation::schedule::{nanos, NEVER};
use crate::backends::sys::sync::Arc;
use crate::clock::Clock;

/// The longest sleep while something hangs on a clock that is not the one the thread sleeps by:
/// such a clock can jump, and nobody says so.
pub(super) const LONGEST_BLIND_SLEEP: u64 = 250_000_000;

/// How long, in nanoseconds, the thread stays when there is nothing it could ever be needed for.
const LINGER: u64 = 1_000_000_000;

/// How long, in nanoseconds, the thread leaves a timer alone whose lock a caller had.
const BUSY_PAUSE: u64 = 50_000;

/// The queues by clock and urgency; one of timers whose lock a caller had when they were due; and
/// one of unregistered timers that the thread has given back.
const QUEUES: usize = CLOCKS.len() * Urgency::ALL.len() + 2;
const BUSY: usize = QUEUES - 2;
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
    /// When counts that stay unread are refreshed.
    pub(super) refreshes: Refreshes,
    /// When the thread tries again to process the timers whose locks callers had.
    busy_until: u64,
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
            refreshes: Refreshes::default(),
            busy_until: 0,
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

    /// What is due first of all that is so urgent, and when the thread processes it, by the
    /// monotonic clock, which shows `now`.
    fn first(&self, urgency: Urgency, now: u64) -> Option<(u64, Line, Place)> {
        let first_on = |clock| {
            let line = Line { clock, urgency };
            let place = self.timers.first(index(line))?;
            Some((self.to_monotonic(line, place.due, || now), line, place))
        };
        CLOCKS.into_iter().filter_map(first_on).min_by_key(|&(due, ..)| due)
    }

    /// The thread is to rest, from `now` on: how, and until when.
    pub(super) fn rest(&mut self, now: u64) -> (Rest, u64) {
        self.lead.save(now);
        let firsts = Urgency::ALL.map(|urgency| self.first(urgency, now));
        let is_near = |&(due, line, _): &(u64, Line, Place)| due.saturating_sub(self.lead.of(line.urgency)) <= now;
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
        let ahead = firsts.map(|(due, line, _)| due.saturating_sub(self.lead.of(line.urgency)));
        let blind = self.has_watchers().then(|| now.saturating_add(LONGEST_BLIND_SLEEP));
        let busy = self.timers.first(BUSY).map(|_| self.busy_until);
        ahead.chain([blind, self.end(), self.rounds.at(), busy].into_iter().flatten()).min().unwrap_or(NEVER)
    }

    /// Whether the thread rests for too long for something due in this line.
    pub(super) fn rests_past(&self, line: Line, due: u64) -> bool {
        let lead = if self.holds { 0 } else { self.lead.of(line.urgency) };
        self.to_monotonic(line, due, || time(Clock::Monotonic)).saturating_sub(lead) < self.rests_until
    }

    /// The time at which the thread is to process something due in this line, by the monotonic
    /// clock.
    fn to_monotonic(&self, line: Line, due: u64, now: impl FnOnce() -> u64) -> u64 {
        let due = to_monotonic(line.clock, due, now);
        if line.urgency == Urgency::Unread {
            due.max(self.refreshes.next())
        } else {
            due
        }
    }

    /// Takes due timers until there is no more space for them, of each clock the most urgent first,
    /// and without those that have stayed unread for long. A timer is due up to these `times` of
    /// the clocks: the first call of a pass gives `u64::MAX`, and gets the present times.
    pub(super) fn take_due(&mut self, times: &mut [u64; CLOCKS.len()], taken: &mut Taken<T>) {
        for (clock, limit) in CLOCKS.into_iter().zip(times) {
            let lines = Urgency::ALL.map(|urgency| Line { clock, urgency });
            if lines.into_iter().all(|line| self.timers.first(index(line)).is_none()) {
                continue;
            }
            // A clock that is set back meanwhile must not make the thread take the same timer again
            // and again.
            *limit = time(clock).min(*limit);
            for line in lines.into_iter().rev().filter(|line| line.urgency > Urgency::Unread) {
                while !taken.is_full() {
                    let Some(place) = self.timers.pop_due(index(line), *limit) else { break };
                    self.take(place.key, Reason::IsDue(place.due), taken);
                }
            }
        }
    }

    /// Takes the timers whose locks callers had, if it is time to try again.
    pub(super) fn take_busy(&mut self, now: u64, taken: &mut Taken<T>) {
        while now >= self.busy_until && !taken.is_full() {
            let Some(place) = self.timers.pop_due(BUSY, u64::MAX) else { break };
            self.take(place.key, Reason::IsDue(place.due), taken);
        }
    }

    /// Takes some of the timers that have stayed unread for long, if it is time to refresh their
    /// counts. Each time it begins with another clock.
    pub(super) fn take_unread(&mut self, times: &[u64; CLOCKS.len()], taken: &mut Taken<T>) {
        if time(Clock::Monotonic) < self.refreshes.next() {
            return;
        }
        let first = self.refreshes.rounds();
        for clock in (0..CLOCKS.len()).map(|number| first.wrapping_add(number) % CLOCKS.len()) {
            let line = Line { clock: CLOCKS[clock], urgency: Urgency::Unread };
            while taken.len() < refreshes::MOST {
                let Some(place) = self.timers.pop_due(index(line), times[clock]) else { break };
                self.take(place.key, Reason::IsDue(place.due), taken);
            }
        }
    }

    /// Takes a timer out of its queue, for which the thread is to hold.
    pub(super) fn take_early(&mut self, place: Place, taken: &mut Taken<T>) {
        self.timers.dequeue(place.key);
        self.take(place.key, Reason::IsDue(place.due), taken);
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
        while let Some((key, reason, thing)) = taken.pop() {
            *self.timers.value(key) = Some(thing);
            match (std::mem::take(&mut self.timers.marks(key).hold), reason) {
                (Hold::ThreadAlone, _) => self.timers.enqueue(key, GIVEN_BACK, 0),
                // Unless the caller has put it into a queue meanwhile.
                (_, Reason::IsBusy(due)) if !self.timers.is_enqueued(key) => {
                    self.timers.enqueue(key, BUSY, due);
                    self.busy_until = time(Clock::Monotonic).saturating_add(BUSY_PAUSE);
                }
                _ => {}
            }
        }
    }
}

/// Which queue it is.
fn index(line: Line) -> usize {
    let (clock, urgency) = line.indices();
    clock * Urgency::ALL.len() + urgency
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
#[path = "agenda_tests.rs"]
mod tests;
