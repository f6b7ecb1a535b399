//! `ClockTime`: an absolute time, together with the clock that it belongs to.

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;

/// An absolute time: a clock, and the time since the clock's zero.
///
/// [`Clock::now`] and [`Timer::now`](crate::Timer::now) return the current time.
/// [`TimerSpec::at`](crate::TimerSpec::at) and [`arm_at`](crate::Timer::arm_at) take the time of
/// the first expiration.
///
/// ```
/// use portable_timerfd::{Clock, ClockTime, TimerFd};
/// use std::time::{Duration, SystemTime};
///
/// let in_a_minute = Clock::Monotonic.now()? + Duration::from_secs(60);
/// TimerFd::new(Clock::Monotonic)?.arm_at(in_a_minute)?;
///
/// // 1 January 2100, on the wall clock
/// let wall_time = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
/// TimerFd::new(Clock::Realtime)?.arm_at(ClockTime::from(wall_time))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The wall clocks count from the Unix epoch. The other clocks count from an unspecified fixed
/// point, usually the start of the system. So a time of those clocks has no meaning in another
/// system, or after a restart.
///
/// # Another clock
///
/// A timer accepts only times of its own clock. Setting a timer to a time of another clock fails
/// with an error of the kind [`InvalidInput`](std::io::ErrorKind::InvalidInput) that contains a
/// [`ClockMismatch`](crate::ClockMismatch). An alarm clock shows the time of the clock that it is
/// named after. So `ClockTime` replaces [`Clock::RealtimeAlarm`] with [`Clock::Realtime`], and
/// [`Clock::BoottimeAlarm`] with [`Clock::Boottime`].
///
/// # Arithmetic
///
/// Additions and subtractions saturate, at [`Duration::MAX`] and at the clock's zero. A timer that
/// is set to a time more than 292 years after the clock's zero
/// [never expires](crate::TimerSpec#range).
///
/// Times of the same clock are ordered. [`PartialOrd`] returns `None` for times of different
/// clocks, so all of `<`, `<=`, `>` and `>=` are false for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockTime {
    clock: Clock,
    since_zero: Duration,
}

impl ClockTime {
    /// Creates a time from the time since the clock's zero.
    ///
    /// For an alarm clock, creates a time of the clock that it is named after.
    #[must_use]
    pub const fn new(clock: Clock, since_zero: Duration) -> ClockTime {
        ClockTime { clock: clock.without_alarm(), since_zero }
    }

    /// Returns the clock, which is never an alarm clock.
    #[must_use]
    pub const fn clock(self) -> Clock {
        self.clock
    }

    /// Returns the time since the clock's zero.
    ///
    /// For a wall clock, that is the time since the Unix epoch.
    #[must_use]
    pub const fn since_zero(self) -> Duration {
        self.since_zero
    }

    /// Converts a time of the wall clock, for example to print it.
    ///
    /// Returns `None` for a time of another clock, and for a time beyond the range of `SystemTime`.
    ///
    /// ```
    /// use portable_timerfd::ClockTime;
    /// use std::time::SystemTime;
    /// let now = SystemTime::now();
    /// assert_eq!(ClockTime::from(now).to_system_time(), Some(now));
    /// ```
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        match self.clock {
            Clock::Realtime => SystemTime::UNIX_EPOCH.checked_add(self.since_zero),
            _ => None,
        }
    }

    /// Returns the time that passed from `earlier` to `self`.
    ///
    /// Returns `None` if `earlier` is later than `self`, or if it is a time of another clock.
    #[must_use]
    pub fn checked_duration_since(self, earlier: ClockTime) -> Option<Duration> {
        if self.clock == earlier.clock {
            self.since_zero.checked_sub(earlier.since_zero)
        } else {
            None
        }
    }

    /// Returns the time that passed from `earlier` to `self`, or zero if `earlier` is later.
    ///
    /// Also returns zero if `earlier` is a time of another clock. If that can happen, use
    /// [`checked_duration_since`](ClockTime::checked_duration_since).
    ///
    /// ```
    /// use portable_timerfd::{Clock, ClockTime};
    /// use std::time::Duration;
    /// let deadline = ClockTime::new(Clock::Monotonic, Duration::from_secs(10));
    /// let late = deadline + Duration::from_secs(1);
    /// assert_eq!(late.saturating_duration_since(deadline), Duration::from_secs(1));
    /// assert_eq!(deadline.saturating_duration_since(late), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn saturating_duration_since(self, earlier: ClockTime) -> Duration {
        self.checked_duration_since(earlier).unwrap_or(Duration::ZERO)
    }
}

/// Converts a time of the wall clock. A time before 1970 becomes the epoch.
///
/// The epoch is also in the past, so a timer that is set to it expires at once.
impl From<SystemTime> for ClockTime {
    fn from(time: SystemTime) -> ClockTime {
        let since_zero = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        ClockTime::new(Clock::Realtime, since_zero)
    }
}

impl Add<Duration> for ClockTime {
    type Output = ClockTime;

    fn add(self, duration: Duration) -> ClockTime {
        ClockTime { since_zero: self.since_zero.saturating_add(duration), ..self }
    }
}

impl Sub<Duration> for ClockTime {
    type Output = ClockTime;

    fn sub(self, duration: Duration) -> ClockTime {
        ClockTime { since_zero: self.since_zero.saturating_sub(duration), ..self }
    }
}

impl AddAssign<Duration> for ClockTime {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl SubAssign<Duration> for ClockTime {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl PartialOrd for ClockTime {
    fn partial_cmp(&self, other: &ClockTime) -> Option<Ordering> {
        (self.clock == other.clock).then(|| self.since_zero.cmp(&other.since_zero))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(clock: Clock, secs: u64) -> ClockTime {
        ClockTime::new(clock, Duration::from_secs(secs))
    }

    #[test]
    fn an_alarm_clock_has_the_times_of_the_clock_that_it_is_named_after() {
        assert_eq!(at(Clock::RealtimeAlarm, 1), at(Clock::Realtime, 1));
        assert_eq!(at(Clock::BoottimeAlarm, 1).clock(), Clock::Boottime);
        assert_ne!(at(Clock::Boottime, 1), at(Clock::Monotonic, 1));
    }

    #[test]
    fn arithmetic_saturates() {
        let mut time = at(Clock::Monotonic, 1);
        time += Duration::MAX;
        assert_eq!(time.since_zero(), Duration::MAX);
        assert_eq!(time + SECOND, time);
        time -= Duration::MAX;
        assert_eq!(time, at(Clock::Monotonic, 0));
        assert_eq!(time - SECOND, time);
        assert_eq!(time + SECOND - SECOND, time);
    }

    #[test]
    fn times_of_different_clocks_have_no_order_and_no_distance() {
        let (early, late, other) = (at(Clock::Monotonic, 1), at(Clock::Monotonic, 2), at(Clock::Boottime, 1));
        assert!(early < late);
        assert!(late >= early);
        assert_eq!(early.partial_cmp(&other), None);
        assert_eq!(late.checked_duration_since(early), Some(SECOND));
        assert_eq!(early.checked_duration_since(late), None);
        assert_eq!(late.checked_duration_since(other), None);
        assert_eq!(late.saturating_duration_since(other), Duration::ZERO);
    }

    #[test]
    fn a_system_time_before_1970_becomes_the_epoch() {
        assert_eq!(ClockTime::from(SystemTime::UNIX_EPOCH + SECOND), at(Clock::Realtime, 1));
        assert_eq!(ClockTime::from(SystemTime::UNIX_EPOCH - SECOND), at(Clock::Realtime, 0));
    }

    #[test]
    fn only_a_time_of_the_wall_clock_becomes_a_system_time() {
        assert_eq!(at(Clock::RealtimeAlarm, 1).to_system_time(), Some(SystemTime::UNIX_EPOCH + SECOND));
        assert_eq!(at(Clock::Monotonic, 1).to_system_time(), None);
        assert_eq!((at(Clock::Realtime, 1) + Duration::MAX).to_system_time(), None);
    }
}
