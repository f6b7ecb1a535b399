//! A message that is on its way: the state is free before it has come to the pipe, so that whoever is woken by it finds it so.

use super::State;
use crate::backends::emulation::latch::Latch;
use crate::backends::sys::parcel::Parcel;

impl State {
    /// As [`refresh`](State::refresh), but for the writing, which is left to the caller, who lets go of the state first. Until it is done,
    /// whoever wants to know what the pipe holds must wait.
    pub(crate) fn refresh_by_post(&mut self, now: u64) -> Option<Parcel> {
        // Where a pipe has refused something, it may do so again: that is found out at once. So it is where nobody may be left to read.
        if self.owed > 0 || self.latch.as_ref().map_or(true, Latch::is_given_away) || !self.schedule.is_due(now) {
            self.refresh(now);
            return None;
        }
        let unread = self.take();
        let new = self.schedule.count(now);
        let mut parcel = None;
        self.fill(unread, new, now, |latch, count| {
            parcel = Some(latch.post(count));
            Ok(())
        });
        self.is_on_its_way = parcel.is_some();
        parcel
    }

    pub(crate) fn is_on_its_way(&self) -> bool {
        self.is_on_its_way
    }

    /// Takes the message that is on its way, if it has come, for who is about to take all there is; whether it has.
    pub(crate) fn catch(&mut self) -> bool {
        let Some(Ok(Some(count))) = self.latch.as_mut().map(Latch::catch) else { return false };
        self.is_on_its_way = false;
        self.owed = self.owed.saturating_add(count);
        true
    }

    /// What was on its way has come, or come back.
    pub(crate) fn arrived(&mut self, come_back: Option<u64>) {
        self.is_on_its_way = false;
        if let Some(count) = come_back {
            self.owed = self.owed.saturating_add(count);
            self.latch.iter_mut().for_each(Latch::return_to_sender);
        }
    }
}
