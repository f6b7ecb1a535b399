//! The state of one emulated timer, and the operations on it. The clocks are an argument.
//!
//! Counts come from the clock, never from wake-ups: `floor((now − first) / interval) + 1`, in
//! 64-bit nanoseconds that end at 2⁶³−1, as on Linux. A refresh drains the pipe, counts the new
//! expirations, and writes the sum. The message in the pipe is the only record of the unread
//! expirations, so sums are exact, whatever threads read in between.
//!
//! If the wall clock is set back behind expirations that are counted and unread, they are rolled
//! back, as on Linux. `gettime` and reads commit expirations, which are never rolled back then.
//!
//! While a count stays unread, it is refreshed at expirations, at least 100 µs apart. The back-off
//! doubles with each refresh. After four of them, the timer moves to the queue of
//! [`Urgency::Unread`], whose CPU time is limited.

use std::io;
use std::time::Duration;

use super::clock_change::{Clocks, Subscription};
use super::pipe::{Epoch, PipeWrite, TimerPipe};
use super::schedule::{nanos, QueueKey, Schedule, Urgency, NEVER};
use crate::accuracy::Accuracy;
use crate::backends::sys::error::{os_error, EAGAIN, ECANCELED};
use crate::clock::Clock;
use crate::spec::{Initial, TimerSpec};

/// The shortest pause, in nanoseconds, between two refreshes of an unread count. It doubles with
/// each refresh that finds the count still unread.
const SHORTEST_BACKOFF: u64 = 100_000;
/// The longest pause after the pipe has refused a write.
const LONGEST_BACKOFF: u64 = 10_000_000;
const MAX_DOUBLINGS: u8 = 7;
/// For counts that are merely unread. The timer thread limits the CPU time for longer ones.
const MAX_DOUBLINGS_UNREAD: u8 = 3;

/// After this number of refreshes that find it unread, a count has stayed unread for long.
const REFRESHES_UNTIL_LONG: u8 = 4;

/// Whether a timer of this clock with this setting subscribes to clock changes.
pub(crate) fn subscribes(clock: Clock, new: &TimerSpec) -> bool {
    new.is_canceled_by_clock_change() && clock.without_alarm() == Clock::Realtime
}

/// The clock that a setting of a timer of this clock runs on.
fn clock_of(clock: Clock, new: &TimerSpec) -> Clock {
    match (clock, new.initial()) {
        (Clock::Realtime, Initial::After(_)) => Clock::Monotonic,
        _ => clock.without_alarm(),
    }
}

/// The state of one timer. Some processes have thousands of them: the order and the size of the
/// fields matter.
pub(crate) struct TimerState {
    schedule: Schedule,
    /// Counted expirations that are not in the pipe, because the pipe refused a write.
    pending: u64,
    /// A full pipe is left alone until this time.
    backoff_until: u64,
    /// When the timer is due in its queue. This can be earlier than necessary.
    queued_until: u64,
    /// None once the timer is closed.
    pub(crate) pipe: Option<TimerPipe>,
    subscription: Option<Box<Subscription>>,
    /// The threads that are blocked in `read`: each may have read a message that it has not yet
    /// reported.
    blocked_readers: u32,
    /// Whether a message was consumed, perhaps by one of these threads.
    is_unresolved: bool,
    /// Whether the write of the last message may not have ended.
    is_in_flight: bool,
    /// The number of doublings of the next back-off.
    doublings: u8,
    queue: Option<QueueKey>,
    /// The clock of the schedule.
    pub(crate) clock: Clock,
    accuracy: Accuracy,
}

impl TimerState {
    /// A disarmed timer.
    pub(crate) fn new(clock: Clock, accuracy: Accuracy, pipe: TimerPipe) -> TimerState {
        TimerState {
            schedule: Schedule::default(),
            pending: 0,
            backoff_until: 0,
            queued_until: 0,
            pipe: Some(pipe),
            subscription: None,
            blocked_readers: 0,
            is_unresolved: false,
            is_in_flight: false,
            doublings: 0,
            queue: None,
            clock: clock.without_alarm(),
            accuracy,
        }
    }

    /// Disarms the timer for good, and returns its pipe.
    pub(crate) fn close(&mut self) -> Option<TimerPipe> {
        self.schedule = Schedule::default();
        self.pending = 0;
        self.pipe.take()
    }

    // The calls of the timer's user.

    /// Sets a timer of this clock, and returns the previous setting with its remaining time.
    /// `ECANCELED` reports a clock change under the previous setting; the new one is in force.
    #[inline]
    pub(crate) fn settime(&mut self, clocks: &impl Clocks, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.settime_with_past(clocks, clock, new, 0)
    }

    /// The same for a timer that has expired `past` times before the initial expiration of `new`.
    #[inline]
    pub(crate) fn settime_with_past(
        &mut self,
        clocks: &impl Clocks,
        clock: Clock,
        new: &TimerSpec,
        past: u64,
    ) -> io::Result<TimerSpec> {
        let new_clock = clock_of(clock, new);
        let now = clocks.now(new_clock);
        let now_on_old_clock = if self.clock == new_clock { now } else { clocks.now(self.clock) };
        self.discard_unread(now_on_old_clock)?;
        let previous = self.remaining(now_on_old_clock);
        self.pending = past;
        self.arm(new, new_clock, now);
        if self.subscribe(clocks, subscribes(clock, new), new.is_armed()) {
            return Err(os_error(ECANCELED));
        }
        Ok(previous)
    }

    /// Replaces the schedule.
    pub(crate) fn arm(&mut self, new: &TimerSpec, clock: Clock, now: u64) {
        let first = match new.initial() {
            Initial::Disarmed => None,
            Initial::After(delay) => Some(now.saturating_add(nanos(delay))),
            // To the kernel, zero means disarmed. One nanosecond is the earliest time.
            Initial::At(time) => Some(nanos(time.since_zero()).max(1)),
        };
        self.clock = clock;
        self.schedule = Schedule::new(first, nanos(new.interval()));
        self.refresh(now);
    }

    /// Begins or ends the subscription to clock changes. Returns whether `settime` reports a change
    /// under the previous setting.
    #[inline]
    fn subscribe(&mut self, clocks: &impl Clocks, subscribes: bool, is_armed: bool) -> bool {
        match (subscribes, &mut self.subscription) {
            (true, Some(subscription)) => {
                let changes = clocks.changes();
                // The signal was discarded with the previous setting. A timer that is disarmed now
                // reports the change by the next read.
                subscription.signal(changes);
                is_armed && subscription.report(changes)
            }
            (true, none) => {
                *none = Some(Box::new(Subscription::new(clocks.changes())));
                false
            }
            (false, subscription) => {
                *subscription = None;
                false
            }
        }
    }

    pub(crate) fn has_subscription(&self) -> bool {
        self.subscription.is_some()
    }

    /// The setting, with the remaining time, and whether the timer must be enqueued again. Commits
    /// the expirations up to now, as Linux does.
    #[inline]
    pub(crate) fn gettime(&mut self, clocks: &impl Clocks) -> io::Result<(TimerSpec, bool)> {
        self.signal_clock_change(clocks);
        let now = clocks.now(self.clock);
        let has_changed = self.commit_until(now)?;
        Ok((self.remaining(now), has_changed || self.has_subscription()))
    }

    fn remaining(&self, now: u64) -> TimerSpec {
        let remaining = self.schedule.remaining(now).map(Duration::from_nanos);
        let initial = remaining.map_or(Initial::Disarmed, Initial::After);
        TimerSpec::new(initial, Duration::from_nanos(self.schedule.interval()))
    }

    /// Counts the expirations up to `now`, or rolls back those that are later, and commits the
    /// rest. Returns whether it has counted or rolled back any.
    pub(crate) fn commit_until(&mut self, now: u64) -> io::Result<bool> {
        // A full pipe is refreshed later, unless the clock may be set back until then.
        let must_count = self.schedule.is_due(now)
            && (self.clock == Clock::Realtime || self.pipe.as_ref().is_some_and(TimerPipe::is_empty));
        let is_ahead = self.schedule.is_ahead(now);
        if is_ahead {
            let unread = self.drain_all()?;
            self.pending = self.roll_back(unread, now);
        }
        if must_count || is_ahead || self.pending > 0 {
            self.refresh(now);
        }
        self.commit();
        Ok(must_count || is_ahead)
    }

    /// Returns the expirations up to now. `EAGAIN` if there are none.
    #[inline]
    pub(crate) fn try_read(&mut self, clocks: &impl Clocks) -> io::Result<u64> {
        let mut count = self.take_expirations(clocks, 0)?;
        if count == 0 {
            count = self.pipe.as_ref().map_or(Ok(0), TimerPipe::drain_foreign)?;
        }
        if count == 0 {
            return Err(os_error(EAGAIN));
        }
        Ok(count)
    }

    /// Takes all unread expirations, in addition to the `read` ones that the caller has just read
    /// from the pipe.
    #[inline]
    pub(crate) fn take_expirations(&mut self, clocks: &impl Clocks, read: u64) -> io::Result<u64> {
        self.report_clock_change(clocks)?;
        self.take_until(clocks.now(self.clock), read)
    }

    /// The same by the time `now`. Leaves the descriptor unreadable.
    pub(crate) fn take_until(&mut self, now: u64, read: u64) -> io::Result<u64> {
        let unread = match self.drain_all() {
            // The caller has these expirations. The others stay for the next reader.
            Err(_) if read > 0 => read,
            unread => unread?.saturating_add(read),
        };
        let counted_before = self.roll_back(unread, now);
        let counted_now = self.schedule.count(now);
        self.commit();
        Ok(counted_before.saturating_add(counted_now))
    }

    /// Forgets the unread expirations.
    pub(crate) fn discard_unread(&mut self, now: u64) -> io::Result<()> {
        let unread = self.drain_all()?;
        self.roll_back(unread, now);
        self.invalidate_messages();
        Ok(())
    }

    // Threads that are blocked in `read`.

    pub(crate) fn blocked_readers(&self) -> usize {
        self.blocked_readers as usize
    }

    /// A thread blocks in `read`. Returns the number of the last message, for
    /// [`take_read`](TimerState::take_read).
    pub(crate) fn block_reader(&mut self) -> u32 {
        if self.blocked_readers == 0 {
            self.pipe.as_mut().into_iter().for_each(TimerPipe::restart_numbers);
        }
        self.blocked_readers += 1;
        self.pipe.as_ref().map_or(0, TimerPipe::last_message)
    }

    /// A thread returns from `read`. If the last one returns without a message, nothing is
    /// unresolved any more, unless a signal of a clock change may be among the unread messages.
    pub(crate) fn unblock_reader(&mut self, with_message: bool) {
        self.blocked_readers -= 1;
        self.is_unresolved &= with_message || self.blocked_readers > 0 || self.has_subscription();
    }

    /// Takes all expirations, and the count of a message that a thread has read. `last` was the
    /// last message when the thread blocked.
    pub(crate) fn take_read(&mut self, clocks: &impl Clocks, count: u64, last: u32) -> io::Result<u64> {
        match self.epoch(last) {
            Epoch::Current => self.take_expirations(clocks, count),
            // As if the message had been read before the later one was written: the expirations of
            // the present setting stay.
            Epoch::Unknown if count > 0 => self.report_clock_change(clocks).map(|()| count),
            // As if the message had been discarded before it was read.
            Epoch::Stale | Epoch::Unknown => self.take_expirations(clocks, 0),
        }
    }

    pub(crate) fn epoch(&self, last: u32) -> Epoch {
        self.pipe.as_ref().map_or(Epoch::Stale, |pipe| pipe.epoch(last))
    }

    // Clock changes.

    /// Makes the descriptor readable if there was a clock change.
    #[inline]
    pub(crate) fn signal_clock_change(&mut self, clocks: &impl Clocks) {
        if self.has_subscription() {
            self.signal_changes(clocks.changes(), clocks);
        }
    }

    /// The same, after this number of changes.
    pub(crate) fn signal_changes(&mut self, changes: u64, clocks: &impl Clocks) {
        let Some(subscription) = &mut self.subscription else { return };
        if subscription.signal(changes) {
            let unread = self.drain();
            self.write(unread, 1, clocks.now(self.clock));
        }
    }

    /// Returns `ECANCELED` if there was a clock change.
    #[inline]
    fn report_clock_change(&mut self, clocks: &impl Clocks) -> io::Result<()> {
        let Some(mut subscription) = self.subscription.as_deref().copied() else { return Ok(()) };
        let changes = clocks.changes();
        subscription.signal(changes);
        let is_reported = subscription.report(changes);
        if is_reported {
            self.cancel(clocks.now(self.clock))?;
        }
        // Only now: after another error, the next call reports the change.
        self.subscription.iter_mut().for_each(|known| **known = subscription);
        if is_reported {
            Err(os_error(ECANCELED))
        } else {
            Ok(())
        }
    }

    /// Disarms the timer if it has expired since the last commit, as Linux does when it reports a
    /// clock change.
    fn cancel(&mut self, now: u64) -> io::Result<()> {
        self.drain_all()?;
        self.schedule.count(now);
        if !self.schedule.is_committed() {
            self.schedule = Schedule::new(None, self.schedule.interval());
        }
        self.invalidate_messages();
        Ok(())
    }

    // The pipe.

    /// Whether there are unread expirations. A blocked reader may have them.
    pub(crate) fn has_unread(&self) -> bool {
        let in_pipe = |pipe: &TimerPipe| if self.blocked_readers > 0 { pipe.is_full() } else { !pipe.is_empty() };
        self.pending > 0 || self.pipe.as_ref().is_some_and(in_pipe)
    }

    /// Empties the pipe. If a raw `read(2)` has consumed the message, its expirations are
    /// committed, unless a blocked reader may turn out to have it.
    fn drain(&mut self) -> io::Result<u64> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        let unread = pipe.drain()?;
        if unread.is_none() && self.blocked_readers > 0 {
            self.is_unresolved = true;
        } else if unread.is_none() {
            self.commit();
        }
        Ok(unread.unwrap_or(0))
    }

    /// Takes all counted expirations.
    fn drain_all(&mut self) -> io::Result<u64> {
        let unread = self.drain()?;
        Ok(unread.saturating_add(std::mem::take(&mut self.pending)))
    }

    fn commit(&mut self) {
        self.schedule.commit();
        self.is_unresolved = false;
    }

    /// Rolls back the unread expirations that are later than `now`, and returns the number of the
    /// others.
    fn roll_back(&mut self, unread: u64, now: u64) -> u64 {
        if self.is_unresolved {
            return unread;
        }
        unread - self.schedule.roll_back(unread, now)
    }

    /// No message written so far counts any more, also if a reader has it and has not reported it.
    fn invalidate_messages(&mut self) {
        self.is_unresolved = false;
        self.pipe.as_mut().into_iter().for_each(TimerPipe::invalidate);
    }

    /// Writes the number of all unread expirations up to `now` to the pipe.
    pub(crate) fn refresh(&mut self, now: u64) {
        if self.pending > 0 || self.schedule.is_due(now) {
            // Drained first: expirations that were read are committed before others are counted.
            let unread = self.drain();
            let new = self.schedule.count(now);
            self.write(unread, new, now);
        }
    }

    fn write(&mut self, unread: io::Result<u64>, new: u64, now: u64) {
        let Some(pipe) = &mut self.pipe else { return };
        let count = self.pending.saturating_add(new).saturating_add(*unread.as_ref().unwrap_or(&0));
        let is_refused = unread.is_err() || pipe.write(count).is_err();
        self.back_off(unread.is_ok_and(|unread| unread == 0), if is_refused { count } else { 0 }, now);
    }

    /// Like [`refresh`](TimerState::refresh), except that the caller runs the returned write after
    /// it has unlocked the state. Until [`end_write`](TimerState::end_write), the content of the
    /// pipe is unknown.
    pub(crate) fn begin_refresh(&mut self, now: u64) -> Option<PipeWrite> {
        // The pipe may refuse a write again after it has refused one, or if no reader may be left.
        let may_be_refused = self.pending > 0 || self.pipe.as_ref().map_or(true, TimerPipe::is_fd_only);
        if may_be_refused || !self.schedule.is_due(now) {
            self.refresh(now);
            return None;
        }
        let unread = self.drain();
        let count = self.schedule.count(now).saturating_add(*unread.as_ref().unwrap_or(&0));
        let write = self.pipe.as_mut().filter(|_| unread.is_ok()).map(|pipe| pipe.begin_write(count));
        self.is_in_flight = write.is_some();
        let refused = if write.is_some() { 0 } else { count };
        self.back_off(unread.is_ok_and(|unread| unread == 0), refused, now);
        write
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.is_in_flight
    }

    /// Ends the write that is in flight if the pipe holds its message by now. Takes the message, so
    /// the caller must take all expirations. Returns whether it has ended.
    pub(crate) fn take_in_flight(&mut self) -> bool {
        let Some(Ok(Some(count))) = self.pipe.as_mut().map(TimerPipe::drain_in_flight) else { return false };
        self.is_in_flight = false;
        self.pending = self.pending.saturating_add(count);
        true
    }

    /// The write that was in flight has ended; the pipe may have refused its count.
    pub(crate) fn end_write(&mut self, refused: Option<u64>) {
        self.is_in_flight = false;
        if let Some(count) = refused {
            self.pending = self.pending.saturating_add(count);
            self.pipe.iter_mut().for_each(TimerPipe::refuse_in_flight);
        }
    }

    /// Sets the time of the next refresh after a write. `refused` is the count that the pipe has
    /// not taken: it comes with the next count, or after the back-off.
    fn back_off(&mut self, was_empty: bool, refused: u64, now: u64) {
        // A longer back-off began before the clock was set back.
        let is_backing_off = self.backoff_until > now && self.backoff_until - now <= LONGEST_BACKOFF;
        let was_refused = std::mem::replace(&mut self.pending, refused) > 0;
        self.doublings =
            if was_empty && refused == 0 { 0 } else { self.doublings.saturating_add(1).min(MAX_DOUBLINGS) };
        // A call in between does not postpone the retry of a refused write.
        if !(was_refused && refused > 0 && is_backing_off) {
            let most = if refused > 0 { MAX_DOUBLINGS } else { MAX_DOUBLINGS_UNREAD };
            let backoff = (SHORTEST_BACKOFF << self.doublings.min(most)).min(LONGEST_BACKOFF);
            self.backoff_until = now.saturating_add(backoff);
        }
    }

    // The queues.

    /// When the timer thread must process the timer next, if ever, and in which queue.
    pub(crate) fn due(&self) -> Option<(QueueKey, u64)> {
        let is_full = self.pending > 0 || self.pipe.as_ref().is_some_and(TimerPipe::is_full);
        // If the clock is set back, the first expiration since the last commit may be rolled back,
        // and `cancel` would not see it.
        let can_wait = !(self.has_subscription() && self.schedule.is_committed());
        let next = self.schedule.next().unwrap_or(NEVER);
        let mut due = if is_full && can_wait { next.max(self.backoff_until) } else { next };
        if self.pending > 0 {
            // The write is retried even if the timer never expires again.
            due = due.min(self.backoff_until);
        }
        // While a count stays unread, no thread is known to wait for the next one.
        let is_refresh = due != next || (is_full && self.doublings > 0);
        let urgency = match is_refresh {
            true if can_wait && self.doublings >= REFRESHES_UNTIL_LONG => Urgency::Unread,
            true => Urgency::Economical,
            false => self.accuracy.into(),
        };
        (due < NEVER).then_some((QueueKey { clock: self.clock, urgency }, due))
    }

    /// When the timer expires next, for a caller that processes each expiration in time: `now` if
    /// the pipe has refused a write.
    pub(crate) fn next_expiration(&self, now: u64) -> Option<u64> {
        let next = match self.pending {
            // After the clock was set back, unread expirations are rolled back and expire again.
            0 if self.schedule.is_ahead(now) && self.has_unread() => self.schedule.next_after_roll_back(now),
            0 => self.schedule.next(),
            _ => Some(now),
        };
        next.filter(|&next| next < NEVER)
    }

    /// When the kernel's alarm for such a timer rings: never between an expiration and the next
    /// commit.
    pub(crate) fn alarm(&self, now: u64) -> Option<u64> {
        let has_rung = !self.schedule.is_committed() && self.has_unread();
        self.next_expiration(now).filter(|_| !has_rung)
    }

    /// Whether the pipe has refused a write, for instance because it has no reader.
    pub(crate) fn was_refused(&self) -> bool {
        self.pending > 0
    }

    /// The queue that the timer is in, and when it is due there.
    pub(crate) fn queued(&self) -> Option<(QueueKey, u64)> {
        self.queue.map(|queue| (queue, self.queued_until))
    }

    /// Records the queue that the timer is in from now on.
    pub(crate) fn set_queued(&mut self, queued: Option<(QueueKey, u64)>) {
        self.queue = queued.map(|(queue, _)| queue);
        self.queued_until = queued.map_or(0, |(_, due)| due);
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "state_write_tests.rs"]
mod write_tests;
