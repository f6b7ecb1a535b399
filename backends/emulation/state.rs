//! One timer's state: its schedule, and what its latch shows of it. Time is an argument.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::latch::{Latch, Origin};
use super::line::Line;
use super::schedule::{nanos, Schedule, NEVER};
use super::step::StepWatch;
use crate::backends::sys::fd::Identity;
use crate::backends::sys::read_end::Holders;
use crate::clock::Clock;
use crate::punctuality::Punctuality;
use crate::spec::{Initial, TimerSpec};

/// How long, in nanoseconds, a count that nobody reads is left as it is: at first, then twice as long each time, and at last.
const SHORTEST_REST: u64 = 100_000;
const LONGEST_REST: u64 = 10_000_000;
const MOST_DOUBLINGS: u8 = 7;

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
        let is_left = due != next || (is_full && self.rests > 0);
        let punctuality = if is_left { Punctuality::Economical } else { self.punctuality };
        (due < NEVER).then_some((Line { clock: self.runs_on, punctuality }, due))
    }

    /// When something expires next, for who looks at every expiration; `now` if the pipe did not take what has expired.
    pub(crate) fn next(&self, now: u64) -> Option<u64> {
        let next = if self.owed > 0 { Some(now) } else { self.schedule.next() };
        next.filter(|&next| next < NEVER)
    }

    /// Whether there are expirations that nobody has read; a reader at the pipe may have them in his hands.
    pub(crate) fn has_unread(&self) -> bool {
        let in_latch = |latch: &Latch| if self.readers > 0 { latch.is_raised() } else { !latch.is_empty() };
        self.owed > 0 || self.latch.as_ref().is_some_and(in_latch)
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
            self.fill(unread, new, now);
        }
    }

    /// Makes the descriptor readable for a step of the clock, as for an expiration.
    pub(crate) fn show_step(&mut self, now: u64) {
        let unread = self.take();
        self.fill(unread, 1, now);
    }

    /// Puts what was unread back, with what is new.
    fn fill(&mut self, unread: io::Result<u64>, new: u64, now: u64) {
        let Some(latch) = &mut self.latch else { return };
        let waits = self.owed > 0 && self.rested > now;
        let count = std::mem::take(&mut self.owed).saturating_add(new).saturating_add(*unread.as_ref().unwrap_or(&0));
        // What the pipe does not take now comes with the next count, or after a rest.
        if unread.is_err() || latch.put(count).is_err() {
            self.owed = count;
        }
        self.rests = match unread {
            Ok(0) if self.owed == 0 => 0,
            _ => self.rests.saturating_add(1).min(MOST_DOUBLINGS),
        };
        // What could not be put the last time is not put off by who asks in between.
        if !(waits && self.owed > 0) {
            self.rested = now.saturating_add((SHORTEST_REST << self.rests).min(LONGEST_REST));
        }
    }

    /// Empties the latch. A message that somebody has read settles what it counted, unless it may yet turn out to be unread.
    fn take(&mut self) -> io::Result<u64> {
        let Some(latch) = &mut self.latch else { return Ok(0) };
        let unread = latch.take()?;
        if unread.is_none() && self.readers > 0 {
            self.in_doubt = true;
        } else if unread.is_none() {
            self.settled();
        }
        Ok(unread.unwrap_or(0))
    }

    /// One less is at the pipe. Nothing is in doubt any more if the last of them had no message, unless notices may be among
    /// what is unread.
    pub(crate) fn reader_leaves(&mut self, with_message: bool) {
        self.readers -= 1;
        self.in_doubt &= with_message || self.readers > 0 || self.watch.is_some();
    }

    /// What was counted stays so.
    fn settled(&mut self) {
        self.schedule.settle();
        self.in_doubt = false;
    }

    /// Takes back what was counted ahead of a clock that was stepped back since; what is left of these.
    fn taken_back(&mut self, unread: u64, now: u64) -> u64 {
        if self.in_doubt {
            return unread;
        }
        unread - self.schedule.uncount(unread, now)
    }

    /// Takes the expirations that are counted already.
    fn empty(&mut self) -> io::Result<u64> {
        let unread = self.take()?;
        Ok(unread.saturating_add(std::mem::take(&mut self.owed)))
    }

    /// Takes all expirations up to now, beside those just `read` from the latch, and leaves the descriptor unreadable.
    pub(crate) fn take_all(&mut self, read: u64, now: u64) -> io::Result<u64> {
        let unread = match self.empty() {
            // What is in hand must not be lost. The rest is there for the next reader.
            Err(_) if read > 0 => read,
            unread => unread?.saturating_add(read),
        };
        let given = self.taken_back(unread, now);
        let counted = self.schedule.count(now);
        self.settled();
        Ok(given.saturating_add(counted))
    }

    /// Counts up to now, since somebody asks, or takes back what was counted ahead of a clock that was stepped back; what is
    /// counted then stays so. Whether the thread may be needed at another time than before.
    pub(crate) fn settle(&mut self, now: u64) -> io::Result<bool> {
        // What a full latch does not show can wait, unless the clock may be stepped back behind it.
        let is_overdue = self.schedule.is_due(now)
            && (self.runs_on == Clock::Realtime || self.latch.as_ref().is_some_and(Latch::is_empty));
        let is_ahead = self.schedule.is_ahead(now);
        if is_ahead {
            let unread = self.empty()?;
            self.owed = self.taken_back(unread, now);
        }
        if is_overdue || is_ahead || self.owed > 0 {
            self.refresh(now);
        }
        self.settled();
        Ok(is_overdue || is_ahead || self.watch.is_some())
    }

    /// Forgets the expirations that are not yet read.
    pub(crate) fn discard(&mut self, now: u64) -> io::Result<()> {
        let unread = self.empty()?;
        self.taken_back(unread, now);
        self.make_void();
        Ok(())
    }

    /// What the kernel does when it tells of a step: a timer that has expired since somebody asked will not again.
    pub(crate) fn cancel(&mut self, now: u64) -> io::Result<()> {
        self.empty()?;
        self.schedule.count(now);
        if !self.schedule.is_settled() {
            self.schedule = Schedule::new(None, self.schedule.interval());
        }
        self.make_void();
        Ok(())
    }

    /// What somebody else has written to the pipe, and would make it readable for ever.
    pub(crate) fn take_foreign(&mut self) -> io::Result<u64> {
        self.latch.as_ref().map_or(Ok(0), Latch::take_foreign)
    }

    /// Nothing that was put until now counts, also not for one who has read it and not yet said so.
    fn make_void(&mut self) {
        self.in_doubt = false;
        self.latch.as_mut().into_iter().for_each(Latch::make_void);
    }

    /// One more is at the pipe: the number of the last message put before that, to be asked about what he reads there.
    pub(crate) fn reader_comes(&mut self) -> u32 {
        if self.readers == 0 {
            self.latch.as_mut().into_iter().for_each(Latch::number_anew);
        }
        self.readers += 1;
        self.latch.as_ref().map_or(0, Latch::last)
    }

    pub(crate) fn origin(&self, last: u32) -> Origin {
        self.latch.as_ref().map_or(Origin::Void, |latch| latch.origin(last))
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
