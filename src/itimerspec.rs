//! A `TimerSpec` to and from numbers: C's `itimerspec`, integer nanoseconds, float seconds.

use std::io;
use std::time::Duration;

use crate::backends::sys::error::{os_error, EINVAL};
use crate::spec::{Initial, TimerSpec};

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// C's `struct timespec`, with 64-bit fields on every system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Timespec {
    /// Whole seconds.
    pub tv_sec: i64,
    /// Nanoseconds beside them, 0 to 999,999,999.
    pub tv_nsec: i64,
}

/// C's `struct itimerspec`, with 64-bit fields on every system, those that lack the type included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Itimerspec {
    /// The time between expirations; zero for a timer that expires once.
    pub it_interval: Timespec,
    /// The initial expiration; zero disarms.
    pub it_value: Timespec,
}

/// The flags of C's `timerfd_settime`, the same numbers on every system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SettimeFlags(u32);

impl SettimeFlags {
    /// No flag: the initial expiration is relative.
    pub const NONE: SettimeFlags = SettimeFlags(0);
    /// The initial expiration is a time of the timer's clock.
    #[doc(alias = "TFD_TIMER_ABSTIME")]
    pub const ABSTIME: SettimeFlags = SettimeFlags(1);
    /// A step of the wall clock cancels an absolute setting.
    #[doc(alias = "TFD_TIMER_CANCEL_ON_SET")]
    pub const CANCEL_ON_SET: SettimeFlags = SettimeFlags(2);

    /// The flags with these bits.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a bit other than the two is set, as `timerfd_settime(2)` says.
    pub fn from_bits(bits: u32) -> io::Result<SettimeFlags> {
        if bits & !3 == 0 {
            Ok(SettimeFlags(bits))
        } else {
            Err(os_error(EINVAL))
        }
    }

    /// The bits, as C has them.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// These flags and those.
    #[must_use]
    pub const fn union(self, other: SettimeFlags) -> SettimeFlags {
        SettimeFlags(self.0 | other.0)
    }

    /// Whether all of those flags are among these.
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
    /// The setting that C's `timerfd_settime(fd, flags, new, …)` asks for. A zero `it_value` disarms.
    ///
    /// ```
    /// use portable_timerfd::{Itimerspec, SettimeFlags, Timespec, TimerSpec};
    /// let half = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
    /// let c = Itimerspec { it_value: half, it_interval: half };
    /// let spec = TimerSpec::from_itimerspec(SettimeFlags::NONE, &c)?;
    /// assert_eq!(spec.to_itimerspec(), (SettimeFlags::NONE, c));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` for negative seconds, or nanoseconds outside 0 to 999,999,999, in either field, even when the setting
    /// disarms (Linux, `itimerspec64_valid`).
    #[inline]
    pub fn from_itimerspec(flags: SettimeFlags, spec: &Itimerspec) -> io::Result<TimerSpec> {
        let value = to_duration(spec.it_value)?;
        let interval = to_duration(spec.it_interval)?;
        Ok(from_flags(flags, value, interval))
    }

    /// What to give to C's `timerfd_settime`.
    ///
    /// What came from [`from_itimerspec`](TimerSpec::from_itimerspec) comes back as it was, or as something that means the
    /// same to `timerfd_settime`. *Now* (zero after, or at zero) becomes one nanosecond, since C's zero disarms; what is
    /// more than fits becomes the most that fits, which is never.
    #[must_use]
    #[inline]
    pub fn to_itimerspec(&self) -> (SettimeFlags, Itimerspec) {
        const NOW: Duration = Duration::from_nanos(1);
        let (absolute, value) = match self.initial() {
            Initial::Disarmed => (self.is_canceled_by_steps(), Duration::ZERO),
            Initial::After(delay) => (false, delay.max(NOW)),
            Initial::At(time) => (true, time.max(NOW)),
        };
        let mut flags = if absolute { SettimeFlags::ABSTIME } else { SettimeFlags::NONE };
        if self.is_canceled_by_steps() {
            flags = flags.union(SettimeFlags::CANCEL_ON_SET);
        }
        (flags, Itimerspec { it_value: to_timespec(value), it_interval: to_timespec(self.interval()) })
    }

    /// From integer nanoseconds, as Python's `os.timerfd_settime_ns` takes them: an `initial` of 0 disarms.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a negative number.
    pub fn from_nanos(flags: SettimeFlags, initial: i64, interval: i64) -> io::Result<TimerSpec> {
        let duration = |nanos: i64| u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| os_error(EINVAL));
        Ok(from_flags(flags, duration(initial)?, duration(interval)?))
    }

    /// The initial expiration (0: disarmed) and the interval in nanoseconds, each saturating at `i64::MAX`. Whether the
    /// first is relative, [`initial`](TimerSpec::initial) tells; what `gettime` reports always is.
    #[must_use]
    pub fn to_nanos(&self) -> (i64, i64) {
        let (_, spec) = self.to_itimerspec();
        let nanos = |t: Timespec| t.tv_sec.saturating_mul(NANOS_PER_SEC).saturating_add(t.tv_nsec);
        (nanos(spec.it_value), nanos(spec.it_interval))
    }

    /// From float seconds, as Python's `os.timerfd_settime` takes them: an `initial` of 0.0 disarms.
    ///
    /// Rounds *up* to a nanosecond, so that a number that is not zero never disarms (Python's rounds down). Infinity is
    /// *never*. Times of the wall clock need more digits than a float has: they are good to about 200 ns.
    ///
    /// ```
    /// use portable_timerfd::{SettimeFlags, TimerSpec};
    /// assert_eq!(TimerSpec::from_secs_f64(SettimeFlags::NONE, 1e-10, 0.0)?.to_nanos(), (1, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` for a negative number or NaN.
    pub fn from_secs_f64(flags: SettimeFlags, initial: f64, interval: f64) -> io::Result<TimerSpec> {
        Ok(from_flags(flags, round_up(initial)?, round_up(interval)?))
    }

    /// The initial expiration (0.0: disarmed) and the interval in seconds, to the precision of a float. Whether the first
    /// is relative, [`initial`](TimerSpec::initial) tells; what `gettime` reports always is.
    #[must_use]
    pub fn to_secs_f64(&self) -> (f64, f64) {
        let (_, spec) = self.to_itimerspec();
        let secs = |t: Timespec| t.tv_sec as f64 + t.tv_nsec as f64 / NANOS_PER_SEC as f64;
        (secs(spec.it_value), secs(spec.it_interval))
    }
}

/// The setting that C's flags and two durations mean, a zero `value` disarming.
#[inline]
fn from_flags(flags: SettimeFlags, value: Duration, interval: Duration) -> TimerSpec {
    let absolute = flags.contains(SettimeFlags::ABSTIME);
    let initial = match (value.is_zero(), absolute) {
        (true, _) => Initial::Disarmed,
        (false, false) => Initial::After(value),
        (false, true) => Initial::At(value),
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
    // A cast of a float saturates, so that infinity and the like are more than any timer takes.
    Ok(Duration::from_nanos((secs * 1e9).ceil() as u64))
}
