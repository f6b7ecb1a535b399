//! The contract: what every timer does, on every system.

use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backends::sys::error::{os_error, EAGAIN, EINVAL, ETIMEDOUT};
use crate::backends::sys::fd::wait_readable;
use crate::clock::Clock;
use crate::spec::TimerSpec;

/// A timer that is a file descriptor, readable once it has expired.
///
/// Three methods make a timer: [`settime`](Timer::settime), [`gettime`](Timer::gettime) and [`read`](Timer::read). The
/// others are built on them. All take `&self` and may be called from any number of threads at once. The trait is
/// usable as `dyn Timer` and open for implementations of your own. A generic function takes both with `T: Timer + ?Sized`.
/// A `Box<dyn Timer>` is not itself a `Timer` (std has `AsRawFd` for boxes of known size only): what is to hold a timer of any kind holds a
/// [`TimerFd`](crate::TimerFd).
///
/// # What holds on every backend
///
/// - The descriptor ([`AsFd`]) is readable, for `poll`, `select`, `epoll`, `kqueue` and what is built on them, while there
///   are expirations that nobody has read, and else not. It is never writable.
/// - A plain `read(2)` of eight bytes from it gives the number of expirations as a native-endian `u64`.
/// - On the userspace backend both are as of the thread's last look: a plain read gives the number of a moment ago, and what is
///   missing comes with the next one. While a periodic timer stays unread, its count is refreshed at
///   its expirations, but at most every 1.6 ms (10 ms on Apple systems), and less often if many timers
///   are unread: up to once a second for thousands. The methods don't depend on it.
/// - Never early: nothing expires before the timer's clock has reached the time.
/// - Counts come from the clock: a read gives `floor((now − first) / interval) + 1`, less what was read before. Nothing
///   is lost however late the read, and the schedule does not drift.
/// - Each expiration is given to exactly one reader.
/// - `settime` discards expirations not yet read. When it returns, the descriptor is not readable, unless the
///   new setting is already due, and no expiration of the old setting can appear any more.
/// - No method panics, whatever its arguments. Errors are [`io::Error`]s with the errno that Linux gives.
///
/// Source of the semantics: `timerfd_create(2)` and Linux's `fs/timerfd.c`.
#[doc(alias = "timerfd")]
pub trait Timer: AsFd + AsRawFd + Debug + Send + Sync {
    /// Arms, re-arms or disarms the timer, and returns what was left of the old setting.
    ///
    /// The old setting comes as [`gettime`](Timer::gettime) would have reported it. A setting whose first expiration
    /// has already come is readable at once, on Linux after a moment perhaps. The interval of a
    /// [`disarmed`](TimerSpec::disarmed) setting does nothing but be reported by `gettime`.
    ///
    /// # Errors
    ///
    /// - `ECANCELED`: the wall clock was stepped under the old setting, which asked for
    ///   [`cancel_on_set`](TimerSpec::cancel_on_set) as the new one does, and nobody has been told yet. The new
    ///   setting is in force all the same.
    /// - `EPERM`: an alarm clock, and the capability `CAP_WAKE_ALARM` is gone.
    /// - `ENOMEM`: on the userspace backend, the timer thread can't be started.
    /// - `ESRCH`: on the userspace backend, the timer was made by the process that this one was forked from.
    ///
    /// After any other error the old setting, and the expirations not yet read, are as they were.
    #[doc(alias = "timerfd_settime")]
    fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec>;

    /// The time left until the next expiration, and the interval.
    ///
    /// The time is always relative, [`After`](crate::Initial::After), also for a timer set to an absolute time. It is
    /// [`Disarmed`](crate::Initial::Disarmed) for a timer that is off *and* for one that expired once and will not
    /// again, whether or not that expiration has been read.
    /// An armed periodic timer reports some time left; on the kernel backend it may report none for the moment, some
    /// microseconds, between a time and the kernel's noticing it.
    ///
    /// # Errors
    ///
    /// - `ESRCH`: as for [`settime`](Timer::settime).
    #[doc(alias = "timerfd_gettime")]
    fn gettime(&self) -> io::Result<TimerSpec>;

    /// The number of expirations since the last successful `read` or `settime`, at least 1.
    ///
    /// # Errors
    ///
    /// - `EAGAIN` ([`WouldBlock`](io::ErrorKind::WouldBlock)): there is none, and the descriptor is non-blocking. A
    ///   blocking one waits instead, also while the timer is disarmed.
    /// - `ECANCELED`: the wall clock was stepped, see [`cancel_on_set`](TimerSpec::cancel_on_set). Told once; a setting
    ///   that had not expired stays armed.
    /// - `EINTR`: a signal handler interrupted a blocking wait and was not installed with `SA_RESTART`.
    /// - `ESRCH`: as for [`settime`](Timer::settime), once the process that made the timer is gone; until then a read gets what
    ///   that process has not read.
    fn read(&self) -> io::Result<u64>;

    /// As [`settime`](Timer::settime), for those who don't want to know what was left of the old setting. On the kernel backend,
    /// which then need not find out, it takes about a tenth less; so `set(&TimerSpec::after(delay))` is a cheaper
    /// [`arm_after`](Timer::arm_after).
    ///
    /// # Errors
    ///
    /// Those of [`settime`](Timer::settime).
    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        self.settime(new).map(drop)
    }

    /// Expires once, after `delay`; zero is *now*.
    ///
    /// # Errors
    ///
    /// Those of [`settime`](Timer::settime).
    fn arm_after(&self, delay: Duration) -> io::Result<TimerSpec> {
        self.settime(&TimerSpec::after(delay))
    }

    /// Expires once, at this time of the timer's clock; a time gone by is *now*. See [`TimerSpec::at`], and [`now`](Timer::now) for what
    /// time it is.
    ///
    /// # Errors
    ///
    /// Those of [`settime`](Timer::settime).
    fn arm_at(&self, time: Duration) -> io::Result<TimerSpec> {
        self.settime(&TimerSpec::at(time))
    }

    /// Expires after each `interval`, for the first time one interval from now. Steps of the wall clock move it on
    /// [`RealtimeAlarm`](Clock::RealtimeAlarm) only.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `interval` is zero; else those of [`settime`](Timer::settime).
    fn arm_every(&self, interval: Duration) -> io::Result<TimerSpec> {
        if interval.is_zero() {
            return Err(os_error(EINVAL));
        }
        self.settime(&TimerSpec::after(interval).every(interval))
    }

    /// Turns the timer off and discards expirations not yet read.
    ///
    /// # Errors
    ///
    /// Those of [`settime`](Timer::settime).
    fn disarm(&self) -> io::Result<TimerSpec> {
        self.settime(&TimerSpec::disarmed())
    }

    /// The number of expirations since the last successful `read` or `settime`, at least 1, without ever waiting, whether
    /// the descriptor is blocking or not.
    ///
    /// # Errors
    ///
    /// - `EAGAIN` ([`WouldBlock`](io::ErrorKind::WouldBlock)): there is none.
    /// - `ECANCELED`: as for [`read`](Timer::read).
    /// - `ESRCH`: as for [`settime`](Timer::settime).
    ///
    /// # Platforms
    ///
    /// On Linux before 6.10 a timer of the kernel's whose descriptor is in blocking mode, and which another thread reads or
    /// sets at the same moment, may make it wait. So may a timer type that does not write a `try_read` of its own.
    fn try_read(&self) -> io::Result<u64> {
        if wait_readable(self.as_fd(), Some(Instant::now()))? {
            self.read()
        } else {
            Err(os_error(EAGAIN))
        }
    }

    /// Waits for the timer to expire and returns the number of expirations, whether the descriptor is blocking or not.
    ///
    /// Without a time limit it waits for ever, also for a timer that is disarmed, which another thread may arm. The
    /// limit has the granularity of `poll(2)`, a millisecond, rounded up. It waits on through signals. It opens no
    /// descriptor.
    ///
    /// # Errors
    ///
    /// - `ETIMEDOUT` ([`TimedOut`](io::ErrorKind::TimedOut)): the limit passed. Zero asks whether it has expired.
    /// - `ECANCELED`: as for [`read`](Timer::read).
    /// - `ESRCH`: as for [`settime`](Timer::settime).
    ///
    /// # Platforms
    ///
    /// As for [`try_read`](Timer::try_read): where that may wait, this may wait past its limit.
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
            is_over =
                !wait_readable(self.as_fd(), deadline)? || deadline.is_some_and(|deadline| deadline <= Instant::now());
        }
    }

    /// The present time of a clock, in the time that this timer goes by: [`Clock::now`], or, for a timer of simulated time, what its
    /// [`SimulatedClock`](crate::SimulatedClock) shows. Code that sets [times](TimerSpec::at) can be tested if it asks here.
    ///
    /// ```
    /// use portable_timerfd::{Clock, SimulatedClock, Timer};
    /// use std::{io, time::Duration};
    /// fn arm_at_next_midnight(timer: &impl Timer) -> io::Result<()> {
    ///     const DAY: u64 = 86_400;
    ///     let days = timer.now(Clock::Realtime)?.as_secs() / DAY;
    ///     timer.arm_at(Duration::from_secs((days + 1) * DAY)).map(drop)
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
    /// Those of [`Clock::now`].
    fn now(&self, clock: Clock) -> io::Result<Duration> {
        clock.now()
    }
}

macro_rules! forward_through {
    ($pointer:ident) => {
        impl<T: Timer> Timer for $pointer<T> {
            fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
                (**self).settime(new)
            }

            fn gettime(&self) -> io::Result<TimerSpec> {
                (**self).gettime()
            }

            fn read(&self) -> io::Result<u64> {
                (**self).read()
            }

            fn set(&self, new: &TimerSpec) -> io::Result<()> {
                (**self).set(new)
            }

            fn try_read(&self) -> io::Result<u64> {
                (**self).try_read()
            }

            fn wait(&self, limit: Option<Duration>) -> io::Result<u64> {
                (**self).wait(limit)
            }

            fn now(&self, clock: Clock) -> io::Result<Duration> {
                (**self).now(clock)
            }
        }
    };
}

forward_through!(Box);
forward_through!(Arc);
