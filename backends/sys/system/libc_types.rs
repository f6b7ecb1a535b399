//! Conversions of settings to and from `libc::itimerspec`, on platforms whose C library has the
//! type.

use std::io;

use crate::backends::sys::error::{os_error, EINVAL};
use crate::clock::Clock;
use crate::itimerspec::{Itimerspec, SettimeFlags, Timespec};
use crate::spec::TimerSpec;

/// # Conversions for programs ported from C
impl TimerSpec {
    /// Converts the arguments of C's `timerfd_settime(fd, flags, new, …)`.
    ///
    /// `clock` is the clock of the timer. With `TFD_TIMER_ABSTIME` (1), `it_value` is a time of
    /// that clock. A zero `it_value` disarms. This function does not know the timer.
    /// [`set`](crate::Timer::set) and [`replace`](crate::Timer::replace) check that an absolute
    /// time is of the timer's clock.
    ///
    /// ```
    /// use portable_timerfd::{Clock, TimerSpec};
    /// use std::time::Duration;
    /// let half = libc::timespec { tv_sec: 0, tv_nsec: 500_000_000 };
    /// let c = libc::itimerspec { it_value: half, it_interval: half };
    /// let spec = TimerSpec::from_itimerspec(Clock::Monotonic, 0, &c)?;
    /// assert_eq!(spec, TimerSpec::after(Duration::from_millis(500)).every(Duration::from_millis(500)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` if `flags` has a bit other than `TFD_TIMER_ABSTIME` and `TFD_TIMER_CANCEL_ON_SET`
    /// (2). `EINVAL` if, in either field, the seconds are negative or the nanoseconds are outside 0
    /// to 999,999,999, even if the setting disarms (Linux, `itimerspec64_valid`).
    ///
    /// # Platforms
    ///
    /// Linux, Android, FreeBSD, NetBSD, illumos and Solaris. On other platforms, the `libc` crate
    /// has no `itimerspec`. The flags have the same numbers on every platform.
    #[cfg_attr(docsrs, doc(cfg(feature = "libc")))]
    pub fn from_itimerspec(clock: Clock, flags: libc::c_int, spec: &libc::itimerspec) -> io::Result<TimerSpec> {
        let flags = u32::try_from(flags).map_err(|_| os_error(EINVAL))?;
        let wide = Itimerspec { it_interval: widen(spec.it_interval), it_value: widen(spec.it_value) };
        wide.to_spec(clock, SettimeFlags::from_bits(flags)?)
    }

    /// Converts the setting to the flags and the new value of C's `timerfd_settime`.
    ///
    /// For a setting made by [`from_itimerspec`](TimerSpec::from_itimerspec), returns the original
    /// arguments or equivalent ones. If a setting is due at once (after a delay of zero, or at the
    /// clock's zero), its time becomes one nanosecond, because zero disarms in C. A time that does
    /// not fit becomes the largest one that fits. That means *never*, or 68 years if `time_t` has
    /// 32 bits.
    ///
    /// # Platforms
    ///
    /// As for [`from_itimerspec`](TimerSpec::from_itimerspec).
    #[cfg_attr(docsrs, doc(cfg(feature = "libc")))]
    #[must_use]
    pub fn to_itimerspec(self) -> (libc::c_int, libc::itimerspec) {
        let (flags, wide) = Itimerspec::from_spec(&self);
        let spec = libc::itimerspec { it_interval: narrow(wide.it_interval), it_value: narrow(wide.it_value) };
        (flags.bits() as libc::c_int, spec)
    }
}

#[allow(clippy::useless_conversion)] // The types of the fields differ between platforms.
fn widen(time: libc::timespec) -> Timespec {
    Timespec { tv_sec: i64::from(time.tv_sec), tv_nsec: i64::from(time.tv_nsec) }
}

fn narrow(time: Timespec) -> libc::timespec {
    // Some platforms have padding fields here, so a literal is not possible.
    // SAFETY: all fields of a `timespec` are numbers, for which zero is valid.
    let mut narrow: libc::timespec = unsafe { std::mem::zeroed() };
    let (seconds, nanoseconds) = time.saturating();
    narrow.tv_sec = seconds;
    narrow.tv_nsec = nanoseconds as _;
    narrow
}
