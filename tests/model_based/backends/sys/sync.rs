//! Synchronization of the scheduler, which may switch to another thread at each use.

pub(crate) use shuttle::sync::atomic::{AtomicBool, Ordering};
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard};
pub(crate) use std::sync::PoisonError;

use crate::model::MODEL;
use crossbeam_channel::{TryRecvError, TrySendError};
use std::time::Duration;

/// Waits for the lock. The caller would retry after some time, but the model's time does not pass.
pub(crate) fn lock_unless_busy<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    mutex.lock().ok()
}

/// The channel of the wake flag is real, because no thread waits in it.
pub(crate) struct Sender<T>(crossbeam_channel::Sender<T>);
pub(crate) struct Receiver<T>(crossbeam_channel::Receiver<T>);

pub(crate) fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::bounded(room);
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    pub(crate) fn try_send(&self, thing: T) -> Result<(), TrySendError<T>> {
        MODEL.let_others_go_first();
        self.0.try_send(thing)
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        MODEL.let_others_go_first();
        self.0.try_recv()
    }
}

/// No scenario starts the thread early, so no thread waits for this.
pub(crate) struct Event;

impl Event {
    pub(crate) fn new() -> Event {
        Event
    }

    pub(crate) fn set(&self, _has_happened: bool) {}

    pub(crate) fn wait(&self) {}
}

/// A time of the model's monotonic clock.
#[derive(Clone, Copy)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Instant {
        Instant(MODEL.time(crate::Clock::Monotonic))
    }

    pub(crate) fn checked_add(self, time: Duration) -> Option<Instant> {
        self.0.checked_add(u64::try_from(time.as_nanos()).ok()?).map(Instant)
    }
}

/// Parks the timer thread, which is the only thread that parks.
pub(crate) struct Parker;

impl Parker {
    pub(crate) fn new() -> Parker {
        Parker
    }

    /// Never returns after the deadline, because the model's clocks do not advance by themselves.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        MODEL.park(deadline.map_or(u64::MAX, |deadline| deadline.0))
    }

    pub(crate) fn unpark(&self) {
        MODEL.unpark();
    }
}

/// Time passes only when a test advances it, so a spinning thread waits like a sleeping one.
pub(crate) fn spin(deadline: Option<Instant>) -> bool {
    Parker.park(deadline)
}
