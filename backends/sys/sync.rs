//! Locks, channels and waiting. In one module, so that `tests/model_based` can replace them.

pub(crate) use crossbeam_channel::{bounded, Receiver, Sender};
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use std::time::Instant;

use std::sync::{Condvar, TryLockError};
use std::time::Duration;

use super::system::SYSTEM;

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
        // On some systems, the first use allocates. This thread makes the allocation, not the
        // parked thread.
        drop(parker.state());
        parker.unparked.notify_one();
        parker
    }

    fn state(&self) -> MutexGuard<'_, Parked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks this thread until it is unparked, or until the deadline if there is one, or until a
    /// spurious wake-up. Returns `false` once the deadline has passed.
    ///
    /// If the system may extend sleeps, a long sleep has several parts. The end of each part is a
    /// spurious wake-up.
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
                Some(left) => {
                    let length = sleep_length(left, SYSTEM.sleep_extension);
                    self.unparked.wait_timeout(state, length).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *state = Parked::default();
        true
    }

    /// Wakes the parked thread, or makes its next `park` return at once. Makes no system call if no
    /// thread is parked. Uses no thread-local value of the caller, so it works in the last
    /// destructors of a thread.
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

/// The extension of a sleep that is accepted. The thread wakes up ahead of adaptive timers by up to
/// this time, and a tick of such a system is longer. So more parts would cost wake-ups for nothing.
const ACCEPTED_EXTENSION: Duration = Duration::from_micros(200);

/// Returns how long a thread sleeps next if its deadline is `left` away and the system may extend a
/// sleep by its length divided by `extension` (0: not at all).
///
/// The longest extension then ends at the deadline, or is [`ACCEPTED_EXTENSION`] at most. If the
/// system does not extend the sleep, `1 / (extension + 1)` of the time remains for the next one.
fn sleep_length(left: Duration, extension: u32) -> Duration {
    if extension == 0 || left <= ACCEPTED_EXTENSION * extension {
        left
    } else {
        left - left / (extension + 1)
    }
}

/// An event that happens once, and that other threads can wait for.
pub(crate) struct Event {
    has_happened: Mutex<bool>,
    happens: Condvar,
}

impl Event {
    pub(crate) fn new() -> Event {
        let event = Event { has_happened: Mutex::new(false), happens: Condvar::new() };
        // On some systems, the first use allocates. This thread makes the allocation.
        event.set(false);
        event
    }

    /// Sets whether the event has happened, and wakes the threads that wait for it.
    pub(crate) fn set(&self, has_happened: bool) {
        *self.has_happened.lock().unwrap_or_else(PoisonError::into_inner) = has_happened;
        self.happens.notify_all();
    }

    /// Waits until the event has happened.
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

    #[test]
    fn lock_unless_busy_gives_up_while_the_mutex_is_locked() {
        let mutex = Mutex::new(7);
        let guard = mutex.lock().unwrap();
        assert!(lock_unless_busy(&mutex).is_none());
        drop(guard);
        assert_eq!(lock_unless_busy(&mutex).map(|guard| *guard), Some(7));
    }

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

    /// Returns the number of sleeps until a deadline, and the time from the deadline to the end of
    /// the last one. The system extends each sleep by this share of its length.
    fn sleep_until(deadline: Duration, share: impl Fn(Duration) -> Duration) -> (usize, Duration) {
        let (mut now, mut sleeps) = (Duration::ZERO, 0);
        while now < deadline {
            let length = sleep_length(deadline - now, 16);
            assert!(!length.is_zero() && length <= deadline - now, "{length:?} of {:?}", deadline - now);
            now += length + share(length);
            sleeps += 1;
        }
        (sleeps, now - deadline)
    }

    #[test]
    fn a_long_sleep_takes_few_parts_if_none_is_extended() {
        let (ms, secs) = (Duration::from_millis, Duration::from_secs);
        for (length, sleeps) in [(ms(3), 1), (ms(4), 2), (ms(250), 3), (secs(10), 4), (secs(3_600), 6)] {
            assert_eq!(sleep_until(length, |_| Duration::ZERO), (sleeps, Duration::ZERO), "{length:?}");
        }
        assert!(sleep_until(Duration::MAX, |_| Duration::ZERO).0 < 20);
    }

    #[test]
    fn a_sleep_ends_late_by_the_accepted_extension_at_most() {
        let mut length = Duration::from_nanos(1);
        while length < Duration::from_secs(1 << 30) {
            for part in [16, 17, 20, 100] {
                let late = sleep_until(length, |sleep| sleep / part).1;
                assert!(late <= ACCEPTED_EXTENSION, "{late:?} after {length:?}");
            }
            length += length / 3 + Duration::from_nanos(1);
        }
    }

    #[test]
    fn a_sleep_is_whole_if_the_system_does_not_extend_it() {
        for length in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
            assert_eq!(sleep_length(length, 0), length);
        }
    }

    #[test]
    #[cfg(portable_timerfd_test_posix)]
    fn a_part_of_a_long_sleep_ends_ahead_of_the_deadline() {
        let parker = Parker::new();
        // On a busy machine, a part may end after the deadline, but not each of them.
        let ends_ahead = |_| {
            let deadline = Instant::now() + Duration::from_millis(170);
            parker.park(Some(deadline)) && Instant::now() < deadline
        };
        assert!((0..50).any(ends_ahead));
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
