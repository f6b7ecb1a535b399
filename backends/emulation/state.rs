//! One timer's state: its schedule, and what its latch shows of it. Time is an argument.

#[cfg(test)]
mod tests;
mod underway;
mod unread;

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::latch::Latch;
use super::line::{Line, Urgency};
use super::schedule::{nanos, Schedule, NEVER};
use super::step::StepWatch;
use crate::backends::sys::fd::Identity;
use crate::backends::sys::read_end::Holders;
use crate::clock::Clock;
use crate::punctuality::Punctuality;
use crate::spec::{Initial, TimerSpec};

/// How long, in nanoseconds, the latch is left alone after it was found unread: at first, then
/// twice as long each time, and at last. The shorter one of the last two is for counts, which the
/// thread refreshes in its own time from then on; the other is for a latch that takes nothing.
const SHORTEST_REST: u64 = 100_000;
const LONGEST_REST: u64 = 10_000_000;
const MOST_DOUBLINGS: u8 = 7;
const MOST_DOUBLINGS_OF_COUNTS: u8 = 3;

/// After so many looks in a row that found it unread, a count has stayed unread for long.
const LOOKS_UNTIL_LONG: u8 = 4;

/// There are thousands of these in some processes: the order and the size of the fields matter.
pub(crate) struct State {
    schedule: Schedule,
    /// Expirations counted, but not to be had from the latch.
    owed: u64,
    /// Until when the latch is to be left alone while it is full.
    rested: u64,
    /// When the thread will come across the timer, if it stands anywhere; it may be earlier than needed.
    stands_at: u64,
    /// None once the timer is closed.
    pub(crate) latch: Option<Latch>,
    pub(crate) watch: Option<Box<StepWatch>>,
    /// Readers who are at the pipe now: each may have read a message and not yet said so.
    readers: u32,
    /// Whether a message is gone that may be in such a reader's hands.
    in_doubt: bool,
    /// Whether the last message may not have come to the pipe yet.
    is_on_its_way: bool,
    /// How often the next rest is doubled.
    rests: u8,
    /// Where the timer stands in the agenda.
    stands_in: Option<Line>,
    /// The clock that the schedule's times are of: not always the timer's own.
    pub(crate) runs_on: Clock,
    punctuality: Punctuality,
}

impl State {
    /// Disarmed.
    pub(crate) fn new(clock: Clock, punctuality: Punctuality, latch: Latch) -> State {
        State {
            schedule: Schedule::default(),
            owed: 0,
            rested: 0,
            stands_at: 0,
            latch: Some(latch),
            watch: None,
            readers: 0,
            in_doubt: false,
            is_on_its_way: false,
            rests: 0,
            stands_in: None,
            runs_on: clock.without_alarm(),
            punctuality,
        }
    }

    /// Takes a new setting, by a clock that shows `now`.
    pub(crate) fn set(&mut self, new: &TimerSpec, runs_on: Clock, now: u64) {
        let first = match new.initial() {
            Initial::Disarmed => None,
            Initial::After(delay) => Some(now.saturating_add(nanos(delay))),
            // Zero is the kernel's word for disarmed, so that the earliest time there is one nanosecond.
            Initial::At(time) => Some(nanos(time).max(1)),
        };
        self.runs_on = runs_on;
        self.schedule = Schedule::new(first, nanos(new.interval()));
        self.refresh(now);
    }

    /// Ends everything: nothing expires any more, and there is nothing to show it by.
    pub(crate) fn close(&mut self) -> Option<Latch> {
        self.schedule = Schedule::default();
        self.owed = 0;
        self.latch.take()
    }

    pub(crate) fn report(&self, now: u64) -> TimerSpec {
        let left = self.schedule.remaining(now).map(Duration::from_nanos);
        TimerSpec::new(left.map_or(Initial::Disarmed, Initial::After), Duration::from_nanos(self.schedule.interval()))
    }

    /// When the thread is needed next, if ever, and where in its agenda.
    pub(crate) fn due(&self) -> Option<(Line, u64)> {
        let is_full = self.owed > 0 || self.latch.as_ref().is_some_and(Latch::is_raised);
        // A step back may hide the first expiration since somebody asked, by which a timer that is told of it is turned off.
        let can_wait = !(self.watch.is_some() && self.schedule.is_settled());
        let next = self.schedule.next().unwrap_or(NEVER);
        let mut due = if is_full && can_wait { next.max(self.rested) } else { next };
        if self.owed > 0 {
            // What the pipe did not take is put again, though nothing more may ever expire.
            due = due.min(self.rested);
        }
        // Nobody is known to wait for what comes after another that was left unread.
        let urgency = match due != next || (is_full && self.rests > 0) {
            true if self.owed == 0 && self.rests >= LOOKS_UNTIL_LONG => Urgency::Unread,
            true => Urgency::Economical,
            false => self.punctuality.into(),
        };
        (due < NEVER).then_some((Line { clock: self.runs_on, urgency }, due))
    }

    /// When something expires next, for who looks at every expiration: what was counted ahead of a clock that was stepped back, and nobody has
    /// read, comes again. `now` if the pipe did not take what has expired.
    pub(crate) fn next(&self, now: u64) -> Option<u64> {
        let next = match self.owed {
            0 if self.schedule.is_ahead(now) && self.has_unread() => self.schedule.next_after(now),
            0 => self.schedule.next(),
            _ => Some(now),
        };
        next.filter(|&next| next < NEVER)
    }

    /// When the alarm of such a timer comes that the kernel has set: none, once it has expired, before somebody asks.
    pub(crate) fn alarm(&self, now: u64) -> Option<u64> {
        let is_unasked = !self.schedule.is_settled() && self.has_unread();
        self.next(now).filter(|_| !is_unasked)
    }

    /// What the timer is known by, if it is known by its descriptors alone and nobody has one any more: what a pipe without readers does
    /// not take is owed.
    pub(crate) fn identity_if_abandoned(&self) -> Option<Identity> {
        const UNKNOWN: RawFd = -1;
        let latch = self.latch.as_ref().filter(|latch| self.owed > 0 && latch.holders(UNKNOWN) == Holders::None)?;
        latch.identity().ok()
    }

    /// Where the timer stands in the agenda, and when the thread will come across it there.
    pub(crate) fn place(&self) -> Option<(Line, u64)> {
        self.stands_in.map(|line| (line, self.stands_at))
    }

    /// Puts it down that the timer stands there from now on; where it stood before.
    pub(crate) fn replace(&mut self, place: Option<(Line, u64)>) -> Option<(Line, u64)> {
        let before = self.place();
        self.stands_in = place.map(|(line, _)| line);
        self.stands_at = place.map_or(0, |(_, due)| due);
        before
    }

    /// Lets the descriptor show all expirations up to now.
    pub(crate) fn refresh(&mut self, now: u64) {
        if self.owed > 0 || self.schedule.is_due(now) {
            // In this order: what is found to have been read was counted before.
            let unread = self.take();
            let new = self.schedule.count(now);
            self.fill(unread, new, now, Latch::put);
        }
    }

    /// Makes the descriptor readable for a step of the clock, as for an expiration.
    pub(crate) fn show_step(&mut self, now: u64) {
        let unread = self.take();
        self.fill(unread, 1, now, Latch::put);
    }

    /// Puts what was unread back, with what is new.
    fn fill(
        &mut self,
        unread: io::Result<u64>,
        new: u64,
        now: u64,
        put: impl FnOnce(&mut Latch, u64) -> io::Result<()>,
    ) {
        let Some(latch) = &mut self.latch else { return };
        // A rest that is longer than any was begun before the clock was stepped back.
        let waits = self.owed > 0 && self.rested > now && self.rested - now <= LONGEST_REST;
        let count = std::mem::take(&mut self.owed).saturating_add(new).saturating_add(*unread.as_ref().unwrap_or(&0));
        // What the pipe does not take now comes with the next count, or after a rest.
        if unread.is_err() || put(latch, count).is_err() {
            self.owed = count;
        }
        self.rests = match unread {
            Ok(0) if self.owed == 0 => 0,
            _ => self.rests.saturating_add(1).min(MOST_DOUBLINGS),
        };
        // What could not be put the last time is not put off by who asks in between.
        if !(waits && self.owed > 0) {
            let most = if self.owed > 0 { MOST_DOUBLINGS } else { MOST_DOUBLINGS_OF_COUNTS };
            self.rested = now.saturating_add((SHORTEST_REST << self.rests.min(most)).min(LONGEST_REST));
        }
    }
}
