//! The `Timer` trait: the behaviour of every timer, on every system.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backends::sys::error::{os_error, EAGAIN, EINVAL, ETIMEDOUT};
use crate::backends::sys::fd::wait_readable;
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::pollable::Pollable;
use crate::spec::TimerSpec;

/// A timer that is a file descriptor, readable once it has expired.
///
/// [`set`](Timer::set) arms or disarms it, [`get`](Timer::get) returns the remaining time, and
/// [`read`](Timer::read) returns the number of expirations. Every method takes `&self` and may be
/// called from any number of threads at the same time.
///
/// The timers of this crate have inherent methods of the same names. So a program that uses a
/// [`TimerFd`](crate::TimerFd) need not import the trait. Import it to use a `dyn Timer`, and as a
/// bound: a function `fn f<T: Timer>(timer: T)` accepts a `TimerFd`, a `&TimerFd`, an
/// `Arc<TimerFd>`, a `Box<dyn Timer>` and a [`SimulatedTimer`](crate::SimulatedTimer) alike.
///
/// # What holds on every backend
///
/// - While there are unread expirations, the descriptor ([`Pollable`]) is readable for `poll`,
///   `select`, `epoll`, `kqueue` and everything built on them. Otherwise it is not readable. It is
///   never writable.
/// - A raw `read(2)` of eight bytes returns the number of expirations as a native-endian `u64`.
/// - The methods of this trait are always up to date. On the userspace backend, the timer thread
///   updates the readiness, and the count that a raw read returns. Between updates, both can be
///   slightly out of date. If expirations are missing from one count, the next count includes them.
///   The section [below](#refreshes-of-unread-counts) describes how often the thread updates the
///   count.
/// - A timer is never early: it does not expire before its clock has reached the time of the
///   expiration.
/// - Counts are computed from the clock. A read returns `floor((now − first) / interval) + 1`,
///   minus the expirations that were read before. Late reads lose no expiration. Only a new
///   setting, or a report of a clock change ([`cancel_on_set`](TimerSpec::cancel_on_set)), discards
///   expirations. The schedule does not drift.
/// - Each expiration is returned to exactly one reader.
/// - A new setting discards unread expirations. When [`set`](Timer::set) returns, the descriptor is
///   not readable, unless the new setting is already due. No expiration of the old setting can
///   appear afterwards.
/// - No method panics, whatever its arguments. Errors are [`io::Error`]s with the same errno as on
///   Linux, except [`ClockMismatch`](crate::ClockMismatch).
///
/// Source of the semantics: `timerfd_create(2)` and Linux's `fs/timerfd.c`.
///
/// # Refreshes of unread counts
///
/// While a periodic timer of the userspace backend stays unread, the timer thread refreshes the
/// count that a raw read returns. The first four refreshes are at the timer's expirations. Later
/// refreshes are no more often than every 1.6 ms (10 ms on Apple systems). If many timers stay
/// unread, refreshes are less frequent: for thousands of timers, down to once a second.
///
/// # Implementing the trait
///
/// You can implement the trait for your own types, for example to count the calls in a test. The
/// required methods are [`clock`](Timer::clock), [`now`](Timer::now), [`replace`](Timer::replace),
/// [`get`](Timer::get), [`read`](Timer::read) and [`Pollable::as_pollable`]. The provided methods
/// are built on these. A type that wraps another timer should also forward
/// [`try_read`](Timer::try_read) and [`wait`](Timer::wait): a
/// [`SimulatedClock`](crate::SimulatedClock) counts only threads that wait in its own timers. Later
/// versions may add provided methods, and no required ones.
///
/// `replace` should call [`TimerSpec::check_clock`] first. The [adapters](crate::loops) set the
/// descriptor to non-blocking mode. They rely on the following:
///
/// - The handle stays the same for the life of the timer.
/// - The handle is readable while `read` has something to return.
/// - `read` does not wait if the descriptor is non-blocking.
#[doc(alias = "timerfd")]
pub trait Timer: Pollable + Debug + Send + Sync {
    /// Returns the clock that the timer counts on.
    fn clock(&self) -> Clock;

    /// Arms, re-arms or disarms the timer, and returns the previous setting.
    ///
    /// The previous setting is returned as [`get`](Timer::get) would have reported it, with the
    /// remaining time. On the kernel backend the call is about 10 % slower than
    /// [`set`](Timer::set), because the kernel computes that time.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Timer::set). After `ECANCELED`, the new setting is in force, and the
    /// previous setting is not returned.
    #[doc(alias = "settime")]
    #[doc(alias = "timerfd_settime")]
    #[doc(alias = "set_state")]
    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec>;

    /// Returns the remaining time until the next expiration, and the interval.
    ///
    /// The time is always relative ([`After`](crate::Initial::After)), even if the timer was set to
    /// an absolute time. The result is [`Disarmed`](crate::Initial::Disarmed) if the timer is
    /// disarmed, or if it is a one-shot timer that has expired, whether or not that expiration has
    /// been read.
    ///
    /// An armed periodic timer reports a remaining time. There is one exception: on the kernel
    /// backend, it may report none for a few microseconds after an expiration, until the kernel has
    /// processed that expiration.
    ///
    /// # Errors
    ///
    /// - `ESRCH`: as for [`set`](Timer::set).
    #[doc(alias = "gettime")]
    #[doc(alias = "timerfd_gettime")]
    #[doc(alias = "get_state")]
    fn get(&self) -> io::Result<TimerSpec>;

    /// Returns the number of expirations since the last successful `read` or `set`, at least 1.
    ///
    /// # Errors
    ///
    /// - `EAGAIN` ([`WouldBlock`](io::ErrorKind::WouldBlock)): the timer has not expired, and the
    ///   descriptor is non-blocking. If the descriptor is blocking, the call waits instead, even
    ///   while the timer is disarmed.
    /// - `ECANCELED`: the wall clock was changed, see [`cancel_on_set`](TimerSpec::cancel_on_set).
    ///   Each clock change is reported once. If the timer had not expired, it stays armed.
    /// - `EINTR`: a signal handler that was installed without `SA_RESTART` interrupted a blocking
    ///   read.
    /// - `ESRCH`: on the userspace backend, this process is a forked child, and the process that
    ///   created the timer has ended. While that process runs, a read in the child takes
    ///   expirations that the parent has not read.
    fn read(&self) -> io::Result<u64>;

    /// Returns the current time of `clock`, real or simulated.
    ///
    /// For a timer of real time this is [`Clock::now`]. For a simulated timer it is the time of its
    /// [`SimulatedClock`](crate::SimulatedClock). Code that sets [absolute times](TimerSpec::at)
    /// can be tested in simulated time if it calls this method instead of [`Clock::now`].
    ///
    /// ```
    /// use portable_timerfd::{Clock, ClockTime, SimulatedClock, Timer};
    /// use std::{io, time::Duration};
    /// fn arm_at_next_midnight(timer: &impl Timer) -> io::Result<()> {
    ///     const DAY: u64 = 86_400;
    ///     let days = timer.now(Clock::Realtime)?.since_zero().as_secs() / DAY;
    ///     timer.arm_at(ClockTime::new(Clock::Realtime, Duration::from_secs((days + 1) * DAY)))
    /// }
    /// let clock = SimulatedClock::new(); // it shows 01:46:40
    /// let timer = clock.timer(Clock::Realtime)?;
    /// arm_at_next_midnight(&timer)?;
    /// assert_eq!(clock.next_expiration(), Some(Duration::from_secs(80_000)));
    /// # Ok::<(), io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Clock::now`]. `ESRCH` for a simulated timer in a forked child.
    fn now(&self, clock: Clock) -> io::Result<ClockTime>;

    /// Arms, re-arms or disarms the timer.
    ///
    /// If the first expiration of the new setting is already due, the timer becomes readable at
    /// once, or, on the kernel backend, some microseconds later. The interval of a
    /// [`disarmed`](TimerSpec::disarmed) setting has no effect, except that [`get`](Timer::get)
    /// reports it.
    ///
    /// # Errors
    ///
    /// - `ECANCELED`: the wall clock was changed while the old setting was in force, both settings
    ///   have [`cancel_on_set`](TimerSpec::cancel_on_set), and no call has reported the change yet.
    ///   **The new setting is in force nevertheless.** See
    ///   [`is_clock_change`](crate::is_clock_change).
    /// - [`ClockMismatch`](crate::ClockMismatch), without an errno: the setting is
    ///   [`at`](TimerSpec::at) a time of another clock than the timer's.
    /// - `EPERM`: the timer counts on an alarm clock, and the thread no longer has the capability
    ///   `CAP_WAKE_ALARM`.
    /// - `ENOMEM`, or the error with which the system refuses the program's
    ///   [`ThreadOptions`](crate::backends::userspace::ThreadOptions): on the userspace backend,
    ///   the timer thread cannot be started.
    /// - `ESRCH`: on the userspace backend, this process is a forked child, and its parent created
    ///   the timer.
    ///
    /// After any error except `ECANCELED`, the old setting and the unread expirations are
    /// unchanged.
    #[doc(alias = "settime")]
    #[doc(alias = "timerfd_settime")]
    #[doc(alias = "set_state")]
    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        self.replace(new).map(drop)
    }

    /// Arms the timer to expire once, after `delay`. A zero `delay` means *now*.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Timer::set).
    fn arm_after(&self, delay: Duration) -> io::Result<()> {
        self.set(&TimerSpec::after(delay))
    }

    /// Arms the timer to expire once, at `time`.
    ///
    /// If `time` is in the past, the timer expires now. [`now`](Timer::now) returns the current
    /// time.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Timer::set). In particular [`ClockMismatch`](crate::ClockMismatch) if
    /// `time` is of another clock than the timer's.
    fn arm_at(&self, time: ClockTime) -> io::Result<()> {
        self.set(&TimerSpec::at(time))
    }

    /// Arms the timer to expire after each `interval`, first one interval from now.
    ///
    /// A change of the wall clock moves the expirations only on
    /// [`RealtimeAlarm`](Clock::RealtimeAlarm).
    ///
    /// # Errors
    ///
    /// `EINVAL` if `interval` is zero; otherwise those of [`set`](Timer::set).
    fn arm_every(&self, interval: Duration) -> io::Result<()> {
        self.set(&periodic(interval)?)
    }

    /// Disarms the timer and discards unread expirations.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Timer::set).
    fn disarm(&self) -> io::Result<()> {
        self.set(&TimerSpec::disarmed())
    }

    /// Returns the number of expirations like [`read`](Timer::read), but never waits.
    ///
    /// The call does not wait even if the descriptor is blocking.
    ///
    /// # Errors
    ///
    /// - `EAGAIN` ([`WouldBlock`](io::ErrorKind::WouldBlock)): the timer has not expired.
    /// - `ECANCELED`: as for [`read`](Timer::read).
    /// - `ESRCH`: as for [`read`](Timer::read).
    ///
    /// # Platforms
    ///
    /// On Linux before 6.10, this call may wait if a kernel timer's descriptor is blocking and
    /// another thread reads or sets the timer at the same moment. If a timer type has no `try_read`
    /// of its own, the default implementation may wait in this situation on every platform.
    fn try_read(&self) -> io::Result<u64> {
        if wait_readable(self.as_pollable(), Some(Instant::now()))? {
            self.read()
        } else {
            Err(os_error(EAGAIN))
        }
    }

    /// Waits for the timer to expire and returns the number of expirations.
    ///
    /// The call waits whether the descriptor is blocking or not. Without a `limit`, it waits
    /// indefinitely, even if the timer is disarmed: another thread may arm the timer. The limit has
    /// the granularity of `poll(2)`, one millisecond, and is rounded up. A limit beyond the range
    /// of [`Instant`] is no limit. Signals do not end the wait. The call opens no descriptor.
    ///
    /// # Errors
    ///
    /// - `ETIMEDOUT` ([`TimedOut`](io::ErrorKind::TimedOut)): the limit has passed. A limit of zero
    ///   only checks whether the timer has expired.
    /// - `ECANCELED`: as for [`read`](Timer::read).
    /// - `ESRCH`: as for [`read`](Timer::read).
    ///
    /// # Platforms
    ///
    /// Where [`try_read`](Timer::try_read) may wait, this call may wait longer than its limit.
    fn wait(&self, limit: Option<Duration>) -> io::Result<u64> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut is_over = false;
        loop {
            match self.try_read() {
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                result => return result,
            }
            if is_over {
                return Err(os_error(ETIMEDOUT));
            }
            is_over = !wait_readable(self.as_pollable(), deadline)?
                || deadline.is_some_and(|deadline| deadline <= Instant::now());
        }
    }
}

/// Returns the setting that expires after each `interval`, or `EINVAL` if that is zero.
pub(crate) fn periodic(interval: Duration) -> io::Result<TimerSpec> {
    if interval.is_zero() {
        return Err(os_error(EINVAL));
    }
    Ok(TimerSpec::after(interval).every(interval))
}

macro_rules! forward_through {
    ($($pointer:ty),*) => { $(
        impl<T: Timer + ?Sized> Timer for $pointer {
            fn clock(&self) -> Clock {
                (**self).clock()
            }

            fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
                (**self).replace(new)
            }

            fn get(&self) -> io::Result<TimerSpec> {
                (**self).get()
            }

            fn read(&self) -> io::Result<u64> {
                (**self).read()
            }

            fn set(&self, new: &TimerSpec) -> io::Result<()> {
                (**self).set(new)
            }

            fn arm_after(&self, delay: Duration) -> io::Result<()> {
                (**self).arm_after(delay)
            }

            fn arm_at(&self, time: ClockTime) -> io::Result<()> {
                (**self).arm_at(time)
            }

            fn arm_every(&self, interval: Duration) -> io::Result<()> {
                (**self).arm_every(interval)
            }

            fn disarm(&self) -> io::Result<()> {
                (**self).disarm()
            }

            fn try_read(&self) -> io::Result<u64> {
                (**self).try_read()
            }

            fn wait(&self, limit: Option<Duration>) -> io::Result<u64> {
                (**self).wait(limit)
            }

            fn now(&self, clock: Clock) -> io::Result<ClockTime> {
                (**self).now(clock)
            }
        }
    )* };
}

forward_through!(Box<T>, Arc<T>, &T, &mut T);
