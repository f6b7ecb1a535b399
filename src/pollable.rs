//! The `Pollable` trait: the handle that an event loop waits for.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A type with a handle that an event loop can wait for.
///
/// Every [`Timer`](crate::Timer) is pollable: its handle becomes readable when the timer expires.
/// The handle may be borrowed, polled and duplicated. It must not be closed, and the timer that it
/// belongs to must outlive its registration in a loop.
///
/// [`TimerFd`](crate::TimerFd) and the timers of each backend implement [`AsFd`](std::os::fd::AsFd)
/// and [`AsRawFd`](std::os::fd::AsRawFd) too, so every function that accepts a descriptor accepts
/// them. A generic function that accepts any `T: Timer`, for example a `Box<dyn Timer>`, calls
/// [`as_pollable`](Pollable::as_pollable):
///
/// ```
/// use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
/// use portable_timerfd::{Clock, Timer, TimerFd};
/// use std::{io, time::Duration};
///
/// fn wait_in_poll<T: Timer>(timer: T) -> io::Result<u64> {
///     poll(&mut [PollFd::new(timer.as_pollable(), PollFlags::POLLIN)], PollTimeout::NONE)?;
///     timer.read()
/// }
///
/// let timer: Box<dyn Timer> = Box::new(TimerFd::new(Clock::Monotonic)?);
/// timer.arm_after(Duration::from_millis(5))?;
/// assert_eq!(wait_in_poll(timer)?, 1);
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Platforms
///
/// On Unix the handle is a file descriptor.
pub trait Pollable {
    /// Returns the handle.
    ///
    /// It is the same for the whole life of the value.
    fn as_pollable(&self) -> BorrowedFd<'_>;
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

forward_through!(Box<T>, Arc<T>, &T);
