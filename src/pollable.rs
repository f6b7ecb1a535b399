//! The `Pollable` trait: the handle that an event loop waits for.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backends::sys::error::{os_error, ETIMEDOUT};
use crate::backends::sys::fd;

/// A type with a handle that an event loop can wait for.
///
/// Every [`Timer`](crate::Timer) is pollable: its handle becomes readable when the timer expires.
/// You may borrow, poll and duplicate the handle. You must not close it. In most loops, deregister
/// the handle before you drop the value. [`Registered`](crate::Registered) and the
/// [adapters](crate::loops) for polling, tokio, async-io and calloop own the value, and deregister
/// its handle themselves. A timer in mio can be dropped while it is registered.
///
/// [`TimerFd`](crate::TimerFd) and the timers of each backend implement [`AsFd`](std::os::fd::AsFd)
/// and [`AsRawFd`](std::os::fd::AsRawFd) too, so every function that accepts a descriptor accepts
/// them. A generic function that accepts any `T: Timer`, for example a `Box<dyn Timer>`, uses this
/// trait:
///
/// ```
/// use portable_timerfd::polling::{Event, Events, PollMode, Poller};
/// use portable_timerfd::{Clock, Registered, Timer, TimerFd};
/// use std::{io, sync::Arc, time::Duration};
///
/// /// Waits in a new `polling` loop. For other loops, `timer.as_pollable()` returns the handle.
/// fn wait_in_a_loop<T: Timer + 'static>(timer: T) -> io::Result<u64> {
///     let poller = Arc::new(Poller::new()?);
///     let timer = Registered::new_pollable(&poller, timer, Event::readable(0), PollMode::Oneshot)?;
///     while poller.wait(&mut Events::new(), None)? == 0 {} // a signal can end it early
///     timer.read()
/// }
///
/// let timer: Box<dyn Timer> = Box::new(TimerFd::new(Clock::Monotonic)?);
/// timer.arm_after(Duration::from_millis(5))?;
/// assert_eq!(wait_in_a_loop(timer)?, 1);
/// # Ok::<(), io::Error>(())
/// ```
///
/// If a type of your own contains a timer, implement `Pollable` for it. Then the adapters for event
/// loops accept the type: see [`loops`](crate::loops).
///
/// # Platforms
///
/// On Unix the handle is a file descriptor.
pub trait Pollable {
    /// Returns the handle.
    ///
    /// It is the same for the whole life of the value.
    fn as_pollable(&self) -> BorrowedFd<'_>;

    /// Waits until the handle is readable. Reads nothing, so the handle stays readable.
    ///
    /// Without a `limit`, the call waits indefinitely. The limit has the granularity of `poll(2)`,
    /// one millisecond, and is rounded up. A limit beyond the range of [`Instant`] is no limit.
    /// Signals do not end the wait. [`SimulatedClock::waiting`](crate::SimulatedClock::waiting)
    /// does not count a thread in this call.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` ([`TimedOut`](io::ErrorKind::TimedOut)) if the limit has passed. Otherwise those
    /// of `poll(2)`.
    fn wait_readable(&self, limit: Option<Duration>) -> io::Result<()> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        if fd::wait_readable(self.as_pollable(), deadline)? {
            Ok(())
        } else {
            Err(os_error(ETIMEDOUT))
        }
    }
}

macro_rules! forward_through {
    ($($pointer:ty),*) => { $(
        impl<T: Pollable + ?Sized> Pollable for $pointer {
            fn as_pollable(&self) -> BorrowedFd<'_> {
                (**self).as_pollable()
            }
        }
    )* };
}

forward_through!(Box<T>, Arc<T>, &T, &mut T);
