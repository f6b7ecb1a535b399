//! What a timer has counted and nobody has read: taking it, settling it, taking it back; and who is at the pipe to read it.

use std::io;

use super::State;
use crate::backends::emulation::latch::{Latch, Origin};
use crate::backends::emulation::schedule::Schedule;
use crate::clock::Clock;

impl State {
    /// How many are at the pipe to read it.
    pub(crate) fn readers(&self) -> usize {
        self.readers as usize
    }

    /// Whether there are expirations that nobody has read; a reader at the pipe may have them in his hands.
    pub(crate) fn has_unread(&self) -> bool {
        let in_latch = |latch: &Latch| if self.readers > 0 { latch.is_raised() } else { !latch.is_empty() };
        self.owed > 0 || self.latch.as_ref().is_some_and(in_latch)
    }

    /// Empties the latch. A message that somebody has read settles what it counted, unless it may yet turn out to be unread.
    pub(super) fn take(&mut self) -> io::Result<u64> {
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
