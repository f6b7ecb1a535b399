//! C's `itimerspec` and its flags, and their conversion to and from a `TimerSpec`.

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

impl Timespec {
    /// Returns the seconds in the type of C's `time_t`, and the nanoseconds.
    ///
    /// If the seconds do not fit, returns the largest time that fits in 32 bits: 68 years, or
    /// January 2038 for an absolute time of the wall clock.
    #[must_use]
    #[inline]
    pub fn saturating<T: TryFrom<i64> + From<i32>>(self) -> (T, i64) {
        match T::try_from(self.tv_sec) {
            Ok(seconds) => (seconds, self.tv_nsec),
            Err(_) => (T::from(i32::MAX), NANOS_PER_SEC - 1),
        }
    }
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

impl Itimerspec {
    /// Converts the arguments of C's `timerfd_settime(fd, flags, new, …)` to a setting of a timer
    /// that counts on `clock`.
    ///
    /// A zero `it_value` disarms.
    ///
    /// # Errors
    ///
    /// `EINVAL` if, in either field, the seconds are negative or the nanoseconds are outside 0 to
    /// 999,999,999, even if the setting disarms (Linux, `itimerspec64_valid`).
    #[inline]
    pub fn to_spec(self, clock: Clock, flags: SettimeFlags) -> io::Result<TimerSpec> {
        let value = to_duration(self.it_value)?;
        let interval = to_duration(self.it_interval)?;
        Ok(from_flags(clock, flags, value, interval))
    }

    /// Converts a setting to the arguments of C's `timerfd_settime`.
    ///
    /// For a setting made by [`to_spec`](Itimerspec::to_spec), returns the original arguments or
    /// equivalent ones. If a setting is due at once (after a delay of zero, or at the clock's
    /// zero), its time becomes one nanosecond, because zero disarms in C. A time that does not fit
    /// becomes the largest one that fits, which means *never*.
    #[must_use]
    #[inline]
    pub fn from_spec(spec: &TimerSpec) -> (SettimeFlags, Itimerspec) {
        const NOW: Duration = Duration::from_nanos(1);
        let is_canceled = spec.is_canceled_by_clock_change();
        let (absolute, value) = match spec.initial() {
            Initial::Disarmed => (is_canceled, Duration::ZERO),
            Initial::After(delay) => (false, delay.max(NOW)),
            Initial::At(time) => (true, time.since_zero().max(NOW)),
        };
        let mut flags = if absolute { SettimeFlags::ABSTIME } else { SettimeFlags::NONE };
        if is_canceled {
            flags = flags.union(SettimeFlags::CANCEL_ON_SET);
        }
        (flags, Itimerspec { it_value: to_timespec(value), it_interval: to_timespec(spec.interval()) })
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
