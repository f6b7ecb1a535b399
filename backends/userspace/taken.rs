//! The timers that the thread has taken from the agenda, and processes while the agenda is
//! unlocked.

use crate::backends::emulation::queue::Key;
use crate::backends::sys::sync::Arc;

/// How many timers the thread takes at a time. They take 2 KiB of its stack. Taking many at a time is
/// faster, since the queues stay in the cache; but the lock is held meanwhile.
pub(super) const MOST: usize = 64;

/// Timers, and why each was taken.
pub(super) struct Taken<T> {
    timers: [Option<(Key, Reason, Arc<T>)>; MOST],
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was in a queue, due at this time.
    IsDue(u64),
    /// The same, and a caller has the timer's lock: it is to be processed later.
    IsBusy(u64),
    /// It waits for clock changes, and there was one.
    ClockChange,
}

impl<T> Taken<T> {
    pub(super) fn new() -> Taken<T> {
        Taken { timers: std::array::from_fn(|_| None), len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == MOST
    }

    /// Adds a timer. There must be space for it.
    pub(super) fn push(&mut self, key: Key, reason: Reason, thing: Arc<T>) {
        self.timers[self.len] = Some((key, reason, thing));
        self.len += 1;
    }

    /// Removes the timer that was added last.
    pub(super) fn pop(&mut self) -> Option<(Key, Reason, Arc<T>)> {
        self.len = self.len.checked_sub(1)?;
        self.timers[self.len].take()
    }

    /// The timers, in the order in which they were added.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Reason, &Arc<T>)> {
        self.timers[..self.len].iter_mut().flatten().map(|(_, reason, thing)| (reason, &*thing))
    }
}
