//! Conversions of clocks and flags to and from C's numbers, for programs that are ported from C.

use std::io;

use super::error::{os_error, EINVAL};
use super::system::SYSTEM;
use crate::clock::Clock;
use crate::flags::CreateFlags;

/// # Conversions for programs ported from C
impl Clock {
    /// Converts the number that a clock has in C on this platform.
    ///
    /// ```
    /// use portable_timerfd::Clock;
    /// assert_eq!(Clock::from_clockid(libc::CLOCK_MONOTONIC)?, Clock::Monotonic);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` if timers do not support the clock, as `timerfd_create(2)` returns.
    ///
    /// # Platforms
    ///
    /// [`Monotonic`](Clock::Monotonic) does not count suspends if the platform has such a clock. On
    /// Apple platforms and some BSDs, C's `CLOCK_MONOTONIC` is another clock: see [`Clock::now`].
    /// There, do not make a [`ClockTime`](crate::ClockTime) from a time that the program has read
    /// from C's clock.
    #[cfg_attr(docsrs, doc(cfg(feature = "libc")))]
    pub fn from_clockid(id: libc::clockid_t) -> io::Result<Clock> {
        let found = clock_ids().find(|&(known, _)| known == id);
        found.map(|(_, clock)| clock).ok_or_else(|| os_error(EINVAL))
    }

    /// Returns the number of the clock in C, or `None` if it has none on this platform.
    #[cfg_attr(docsrs, doc(cfg(feature = "libc")))]
    #[must_use]
    pub fn clockid(self) -> Option<libc::clockid_t> {
        clock_ids().find(|&(_, clock)| clock == self).map(|(id, _)| id)
    }
}

fn clock_ids() -> impl Iterator<Item = (libc::clockid_t, Clock)> {
    let posix = [(libc::CLOCK_REALTIME, Clock::Realtime), (libc::CLOCK_MONOTONIC, Clock::Monotonic)];
    posix.into_iter().chain(SYSTEM.more_clock_ids.iter().copied())
}

/// # Conversions for programs ported from C
impl CreateFlags {
    /// Converts the flags of C's `timerfd_create`: `TFD_NONBLOCK` and `TFD_CLOEXEC`.
    ///
    /// They have the numbers of `O_NONBLOCK` and `O_CLOEXEC`, which exist on every platform.
    ///
    /// ```
    /// use portable_timerfd::{Clock, CreateFlags, TimerFd};
    /// let flags = CreateFlags::from_tfd_flags(libc::O_CLOEXEC)?;
    /// assert_eq!(flags, CreateFlags::new().nonblocking(false));
    /// let timer = TimerFd::builder(Clock::from_clockid(libc::CLOCK_MONOTONIC)?).flags(flags).open()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` for any other flag, as `timerfd_create(2)` returns.
    #[cfg_attr(docsrs, doc(cfg(feature = "libc")))]
    pub fn from_tfd_flags(flags: libc::c_int) -> io::Result<CreateFlags> {
        if flags & !(libc::O_NONBLOCK | libc::O_CLOEXEC) != 0 {
            return Err(os_error(EINVAL));
        }
        let (nonblocking, close_on_exec) = (flags & libc::O_NONBLOCK != 0, flags & libc::O_CLOEXEC != 0);
        Ok(CreateFlags::new().nonblocking(nonblocking).close_on_exec(close_on_exec))
    }
}
