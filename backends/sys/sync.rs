//! Locks, channels and waiting. In one module, so that `tests/model_based` can replace them.

pub(crate) use crossbeam_channel::{bounded, Receiver, Sender};
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use std::time::Instant;

use std::sync::{Condvar, TryLockError};

/// Locks the mutex, unless another thread holds it for longer than most calls take.
pub(crate) fn lock_unless_busy<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
        }
    }
    None
}

/// Parks one thread, like [`std::thread::park`], except that it needs no [`std::thread::Thread`]. A
/// thread that std did not start would allocate that, and free it in a thread-local destructor.
pub(crate) struct Parker {
    state: Mutex<Parked>,
    unparked: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Parked {
    is_parked: bool,
    /// Whether the next `park` returns at once.
    is_unparked: bool,
}

impl Parker {
    pub(crate) fn new() -> Parker {
        let parker = Parker { state: Mutex::default(), unparked: Condvar::new() };
        // On some systems, the first use allocates. This thread makes it, not the parked one.
        drop(parker.state());
        parker.unparked.notify_one();
        parker
    }

    fn state(&self) -> MutexGuard<'_, Parked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks this thread until it is unparked, or until the deadline if there is one, or until a
    /// spurious wake-up. Returns `false` once the deadline has passed.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return false;
        }
        let mut state = self.state();
        if !state.is_unparked {
            state.is_parked = true;
            state = match left {
                None => self.unparked.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.unparked.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        *state = Parked::default();
        true
    }

    /// Wakes the parked thread, or makes its next `park` return at once. Makes no system call if no
    /// thread is parked. Uses no thread-local value of the caller, so it works in the last destructors
    /// of a thread.
    pub(crate) fn unpark(&self) {
        let mut state = self.state();
        state.is_unparked = true;
        let is_parked = state.is_parked;
        drop(state);
        if is_parked {
            self.unparked.notify_one();
        }
    }
}

/// Something that happens once, and that other threads can wait for.
pub(crate) struct Event {
    has_happened: Mutex<bool>,
    happens: Condvar,
}

impl Event {
    pub(crate) fn new() -> Event {
        let event = Event { has_happened: Mutex::new(false), happens: Condvar::new() };
        // On some systems, the first use allocates. This thread makes it.
        event.set(false);
        event
    }

    /// Sets whether it has happened, and wakes the threads that wait for it.
    pub(crate) fn set(&self, has_happened: bool) {
        *self.has_happened.lock().unwrap_or_else(PoisonError::into_inner) = has_happened;
        self.happens.notify_all();
    }

    /// Waits until it has happened.
    pub(crate) fn wait(&self) {
        let mut has_happened = self.has_happened.lock().unwrap_or_else(PoisonError::into_inner);
        while !*has_happened {
            has_happened = self.happens.wait(has_happened).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Spins for a moment. Returns `false` once the deadline has passed.
pub(crate) fn spin(deadline: Option<Instant>) -> bool {
    std::hint::spin_loop();
    !deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn unpark_ends_the_next_park_and_only_that() {
        let parker = Parker::new();
        parker.unpark();
        parker.unpark();
        assert!(parker.park(None));
        let deadline = Instant::now() + Duration::from_millis(1);
        while parker.park(Some(deadline)) {}
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn an_event_ends_every_wait_until_it_is_reset() {
        let event = Event::new();
        std::thread::scope(|scope| {
            let waiting = [0, 1].map(|_| scope.spawn(|| event.wait()));
            event.set(true);
            waiting.into_iter().for_each(|thread| thread.join().unwrap());
        });
        event.wait();
        event.set(false);
        assert!(!*event.has_happened.lock().unwrap());
    }

    #[test]
    fn unpark_wakes_a_parked_thread() {
        let parker = Parker::new();
        std::thread::scope(|scope| {
            let parked = scope.spawn(|| parker.park(None));
            while !parker.state().is_parked {
                std::thread::yield_now();
            }
            parker.unpark();
            assert!(parked.join().unwrap());
        });
        assert!(!parker.state().is_parked && !parker.state().is_unparked);
    }
}
