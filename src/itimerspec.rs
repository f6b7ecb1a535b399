//! Conversions of a `TimerSpec`: C's `itimerspec`, integer nanoseconds, float seconds.

use std::io;
use std::time::Duration;

use crate::backends::sys::error::{os_error, EINVAL};
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::spec::{Initial, TimerSpec};

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// C's `struct timespec`, with 64-bit fields on every system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Timespec {
    /// Whole seconds.
    pub tv_sec: i64,
    /// Additional nanoseconds, 0 to 999,999,999.
    pub tv_nsec: i64,
}

/// C's `struct itimerspec`, with 64-bit fields on every system.
///
/// It exists even on systems whose C library lacks the type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Itimerspec {
    /// The time between two expirations; zero for a one-shot timer.
    pub it_interval: Timespec,
    /// The initial expiration; zero disarms the timer.
    pub it_value: Timespec,
}

/// The flags of C's `timerfd_settime`.
///
/// They have the same numbers on every system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SettimeFlags(u32);

impl SettimeFlags {
    /// No flag: the initial expiration is relative.
    pub const NONE: SettimeFlags = SettimeFlags(0);
    /// The initial expiration is a time of the timer's clock.
    #[doc(alias = "TFD_TIMER_ABSTIME")]
    pub const ABSTIME: SettimeFlags = SettimeFlags(1);
    /// A change of the wall clock cancels an absolute setting.
    #[doc(alias = "TFD_TIMER_CANCEL_ON_SET")]
    pub const CANCEL_ON_SET: SettimeFlags = SettimeFlags(2);

    /// Creates flags from their bits.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a bit other than those of `ABSTIME` and `CANCEL_ON_SET` is set, as documented in
    /// `timerfd_settime(2)`.
    pub fn from_bits(bits: u32) -> io::Result<SettimeFlags> {
        if bits & !3 == 0 {
            Ok(SettimeFlags(bits))
        } else {
            Err(os_error(EINVAL))
        }
    }

    /// Returns the bits, as in C.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the union of both sets of flags.
    #[must_use]
    pub const fn union(self, other: SettimeFlags) -> SettimeFlags {
        SettimeFlags(self.0 | other.0)
    }

    /// Returns whether `self` contains all flags of `other`.
    #[must_use]
    pub const fn contains(self, other: SettimeFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for SettimeFlags {
    type Output = SettimeFlags;

    fn bitor(self, other: SettimeFlags) -> SettimeFlags {
        self.union(other)
    }
}

impl TimerSpec {
    /// Converts the arguments of C's `timerfd_settime(fd, flags, new, …)`.
    ///
    /// A zero `it_value` disarms. `clock` is the clock of the timer: with `TFD_TIMER_ABSTIME`,
    /// `it_value` is a time of that clock.
    ///
    /// ```
    /// use portable_timerfd::{Clock, Itimerspec, SettimeFlags, Timespec, TimerSpec};
    /// let half = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
    /// let c = Itimerspec { it_value: half, it_interval: half };
    /// let spec = TimerSpec::from_itimerspec(Clock::Monotonic, SettimeFlags::NONE, &c)?;
    /// assert_eq!(spec.to_itimerspec(), (SettimeFlags::NONE, c));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` if, in either field, the seconds are negative or the nanoseconds are outside 0 to
    /// 999,999,999, even if the setting disarms (Linux, `itimerspec64_valid`).
    #[inline]
    pub fn from_itimerspec(clock: Clock, flags: SettimeFlags, spec: &Itimerspec) -> io::Result<TimerSpec> {
        let value = to_duration(spec.it_value)?;
        let interval = to_duration(spec.it_interval)?;
        Ok(from_flags(clock, flags, value, interval))
    }

    /// Converts the setting to the arguments of C's `timerfd_settime`.
    ///
    /// A setting from [`from_itimerspec`](TimerSpec::from_itimerspec) is returned unchanged, or as
    /// arguments with the same meaning. *Now* (zero after, or at zero) becomes one nanosecond,
    /// because zero disarms in C. A time that does not fit becomes the largest one that fits, which
    /// means *never*.
    #[must_use]
    #[inline]
    pub fn to_itimerspec(&self) -> (SettimeFlags, Itimerspec) {
        const NOW: Duration = Duration::from_nanos(1);
        let (absolute, value) = match self.initial() {
            Initial::Disarmed => (self.is_canceled_by_clock_change(), Duration::ZERO),
            Initial::After(delay) => (false, delay.max(NOW)),
            Initial::At(time) => (true, time.since_zero().max(NOW)),
        };
        let mut flags = if absolute { SettimeFlags::ABSTIME } else { SettimeFlags::NONE };
        if self.is_canceled_by_clock_change() {
            flags = flags.union(SettimeFlags::CANCEL_ON_SET);
        }
        (flags, Itimerspec { it_value: to_timespec(value), it_interval: to_timespec(self.interval()) })
    }

    /// Converts integer nanoseconds, as in Python's `os.timerfd_settime_ns`.
    ///
    /// A zero `initial` disarms. `clock` is the clock of the timer.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a number is negative.
    pub fn from_nanos(clock: Clock, flags: SettimeFlags, initial: i64, interval: i64) -> io::Result<TimerSpec> {
        let duration = |nanos: i64| u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| os_error(EINVAL));
        Ok(from_flags(clock, flags, duration(initial)?, duration(interval)?))
    }

    /// Returns the initial expiration (0: disarmed) and the interval in nanoseconds.
    ///
    /// Both saturate at `i64::MAX`. [`initial`](TimerSpec::initial) shows whether the initial
    /// expiration is relative; in a setting from [`get`](crate::Timer::get), it
    /// always is.
    #[must_use]
    pub fn to_nanos(&self) -> (i64, i64) {
        let (_, spec) = self.to_itimerspec();
        let nanos = |t: Timespec| t.tv_sec.saturating_mul(NANOS_PER_SEC).saturating_add(t.tv_nsec);
        (nanos(spec.it_value), nanos(spec.it_interval))
    }

    /// Converts float seconds, as in Python's `os.timerfd_settime`. An `initial` of 0.0 disarms.
    ///
    /// `clock` is the clock of the timer.
    ///
    /// Rounds *up* to a nanosecond, so that a number other than zero never disarms. (Python rounds
    /// down.) Infinity means *never*. Wall-clock times need more digits than a float has: they are
    /// accurate to about 200 ns.
    ///
    /// ```
    /// use portable_timerfd::{Clock, SettimeFlags, TimerSpec};
    /// let spec = TimerSpec::from_secs_f64(Clock::Monotonic, SettimeFlags::NONE, 1e-10, 0.0)?;
    /// assert_eq!(spec.to_nanos(), (1, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` if a number is negative or NaN.
    pub fn from_secs_f64(clock: Clock, flags: SettimeFlags, initial: f64, interval: f64) -> io::Result<TimerSpec> {
        Ok(from_flags(clock, flags, round_up(initial)?, round_up(interval)?))
    }

    /// Returns the initial expiration (0.0: disarmed) and the interval in seconds.
    ///
    /// The result has the precision of a float. [`initial`](TimerSpec::initial) shows whether the
    /// initial expiration is relative; in a setting from [`get`](crate::Timer::get), it
    /// always is.
    #[must_use]
    pub fn to_secs_f64(&self) -> (f64, f64) {
        let (_, spec) = self.to_itimerspec();
        let secs = |t: Timespec| t.tv_sec as f64 + t.tv_nsec as f64 / NANOS_PER_SEC as f64;
        (secs(spec.it_value), secs(spec.it_interval))
    }
}

/// Creates a setting from C's flags and two durations. A zero `value` disarms.
#[inline]
fn from_flags(clock: Clock, flags: SettimeFlags, value: Duration, interval: Duration) -> TimerSpec {
    let absolute = flags.contains(SettimeFlags::ABSTIME);
    let initial = match (value.is_zero(), absolute) {
        (true, _) => Initial::Disarmed,
        (false, false) => Initial::After(value),
        (false, true) => Initial::At(ClockTime::new(clock, value)),
    };
    let spec = TimerSpec::new(initial, interval);
    if absolute && flags.contains(SettimeFlags::CANCEL_ON_SET) {
        spec.cancel_on_set()
    } else {
        spec
    }
}

#[inline]
fn to_duration(time: Timespec) -> io::Result<Duration> {
    match (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec)) {
        (Ok(secs), Ok(nanos)) if i64::from(nanos) < NANOS_PER_SEC => Ok(Duration::new(secs, nanos)),
        _ => Err(os_error(EINVAL)),
    }
}

#[inline]
fn to_timespec(duration: Duration) -> Timespec {
    match i64::try_from(duration.as_secs()) {
        Ok(tv_sec) => Timespec { tv_sec, tv_nsec: i64::from(duration.subsec_nanos()) },
        Err(_) => Timespec { tv_sec: i64::MAX, tv_nsec: NANOS_PER_SEC - 1 },
    }
}

fn round_up(secs: f64) -> io::Result<Duration> {
    if secs.is_nan() || secs < 0.0 {
        return Err(os_error(EINVAL));
    }
    // A cast from a float saturates. So infinity and other large values become more than the
    // longest time of a timer, which means *never*.
    Ok(Duration::from_nanos((secs * 1e9).ceil() as u64))
}
