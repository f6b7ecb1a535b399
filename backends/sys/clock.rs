//! Reads the clocks, and maps each [`Clock`] to a clock of the system.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use super::error::os_error;
use super::system::SYSTEM;
use crate::clock::Clock;
use crate::clock_time::ClockTime;

impl Clock {
    /// Returns the current time of this clock.
    ///
    /// The result is always real time. [`Timer::now`](crate::Timer::now) returns the time that the
    /// timer uses, which may be simulated.
    ///
    /// ```
    /// use portable_timerfd::{Clock, TimerSpec};
    /// use std::time::Duration;
    /// let in_a_minute = TimerSpec::at(Clock::Monotonic.now()? + Duration::from_secs(60));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` ([`Unsupported`](io::ErrorKind::Unsupported)) if this platform does not have
    /// the clock. Most platforms other than Linux do not have [`Boottime`](Clock::Boottime).
    ///
    /// # Platforms
    ///
    /// | clock | Linux, Android | Apple | FreeBSD, DragonFly | OpenBSD | NetBSD, illumos, Solaris and others |
    /// |---|---|---|---|---|---|
    /// | wall clocks | `CLOCK_REALTIME` | the same | the same | the same | the same |
    /// | `Monotonic` | `CLOCK_MONOTONIC` | `CLOCK_UPTIME_RAW` | `CLOCK_UPTIME` | `CLOCK_UPTIME` | `CLOCK_MONOTONIC` |
    /// | `Boottime` | `CLOCK_BOOTTIME` | `CLOCK_MONOTONIC_RAW` | none | `CLOCK_BOOTTIME` | none |
    ///
    /// An alarm clock shows the time of the clock that it is named after.
    pub fn now(self) -> io::Result<ClockTime> {
        Ok(ClockTime::new(self, now(self)?))
    }
}

/// Converts to a time of the monotonic clock, if that clock can be read.
///
/// The result is never earlier than the instant. It can be later, by the time between two readings
/// of the clock. An instant before the zero of the clock becomes zero. An instant too far in the
/// future becomes [`Duration::MAX`] after zero.
///
/// ```
/// use portable_timerfd::{Clock, ClockTime, TimerFd};
/// use std::time::{Duration, Instant};
/// let deadline = Instant::now() + Duration::from_millis(5);
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.arm_at(ClockTime::try_from(deadline)?)?;
/// timer.wait(None)?;
/// assert!(Instant::now() >= deadline);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Platforms
///
/// On Linux and Apple platforms, `Instant` uses the same clock as [`Monotonic`](Clock::Monotonic).
/// On other platforms, an `Instant` may advance during a suspend. There, a converted time is valid
/// only until the next suspend.
impl TryFrom<Instant> for ClockTime {
    type Error = io::Error;

    fn try_from(instant: Instant) -> io::Result<ClockTime> {
        // The clocks are read in this order, so that time which passes between the two makes the
        // result later.
        let here = Instant::now();
        let now = Clock::Monotonic.now()?;
        Ok(now + instant.saturating_duration_since(here) - here.saturating_duration_since(instant))
    }
}

/// Returns the current time since the zero of this clock.
pub(crate) fn now(clock: Clock) -> io::Result<Duration> {
    let time = gettime(base_id(clock).ok_or_else(|| os_error(libc::EOPNOTSUPP))?)?;
    Ok(duration(time))
}

/// Returns the CPU time of the calling thread in nanoseconds, or the monotonic time on platforms
/// that do not report CPU time.
pub(crate) fn thread_cpu_time() -> u64 {
    let time = SYSTEM.thread_cpu_time.and_then(|id| gettime(id).ok());
    let time = time.map_or_else(|| now(Clock::Monotonic).unwrap_or_default(), duration);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the minimum time, in nanoseconds, between two wake-ups that refresh unread counts.
pub(crate) fn refresh_pause() -> u64 {
    SYSTEM.refresh_pause
}

/// A measurement of how far the wall clock is ahead of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallOffset {
    /// The monotonic time just before the reading.
    pub(crate) time: u64,
    pub(crate) offset: i64,
    /// The maximum difference between `offset` and the true offset. The measurement took twice as
    /// long.
    pub(crate) error: u64,
}

/// Measures the offset several times, and returns the most accurate measurement.
pub(crate) fn wall_offset() -> WallOffset {
    const TRIES: usize = 4;
    let reading = |_| {
        let before = signed_nanos(Clock::Monotonic);
        let wall = signed_nanos(Clock::Realtime);
        let error = (signed_nanos(Clock::Monotonic) - before).unsigned_abs() / 2;
        WallOffset { time: before.unsigned_abs(), offset: wall - before - error as i64, error }
    };
    let nearest = (0..TRIES).map(reading).min_by_key(|reading| reading.error);
    nearest.unwrap_or(WallOffset { time: 0, offset: 0, error: 0 })
}

/// Returns how much a slewed wall clock may gain or lose on the monotonic clock, in parts per
/// million.
pub fn max_slew_ppm() -> u32 {
    SYSTEM.max_slew_ppm
}

/// Returns how far C's `CLOCK_MONOTONIC` is ahead of [`Clock::Monotonic`], in nanoseconds. Returns
/// zero if they are one clock.
///
/// The result is never more than the true difference. A time of C's clock minus the result is
/// therefore never too early.
///
/// # Errors
///
/// Those of `clock_gettime(2)`.
pub fn c_monotonic_offset() -> io::Result<i64> {
    if SYSTEM.monotonic_is_that_of_c {
        return Ok(0);
    }
    let c = || Ok(whole_nanos(duration(gettime(libc::CLOCK_MONOTONIC)?)));
    greatest_difference(c, || Ok(whole_nanos(now(Clock::Monotonic)?)))
}

/// Reads both clocks several times, and returns the greatest difference.
///
/// Each difference is too small by the time between its two readings, so the greatest one is the
/// most accurate. The differences are measured at each call, because a suspend changes them. To
/// check a cached difference, the library would have to read the clocks too.
fn greatest_difference(
    mut c: impl FnMut() -> io::Result<i64>,
    mut here: impl FnMut() -> io::Result<i64>,
) -> io::Result<i64> {
    const TRIES: usize = 4;
    let mut difference = || -> io::Result<i64> {
        let earlier = c()?;
        Ok(earlier - here()?)
    };
    (1..TRIES).try_fold(difference()?, |greatest, _| Ok(greatest.max(difference()?)))
}

fn whole_nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn signed_nanos(clock: Clock) -> i64 {
    now(clock).map_or(0, whole_nanos)
}

fn duration(time: libc::timespec) -> Duration {
    // The wall clock can be set before 1970, but timers count from the epoch.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn gettime(id: libc::clockid_t) -> io::Result<libc::timespec> {
    let mut time = MaybeUninit::uninit();
    // SAFETY: `time` is valid for writes of a `timespec`.
    match unsafe { libc::clock_gettime(id, time.as_mut_ptr()) } {
        // SAFETY: the call succeeded, so it has stored the time.
        0 => Ok(unsafe { time.assume_init() }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns the system's clock to read for `clock`, if there is one.
///
/// Alarm clocks cannot be read on every system. For an alarm clock, this is the clock that it is
/// named after.
fn base_id(clock: Clock) -> Option<libc::clockid_t> {
    match clock {
        Clock::Realtime | Clock::RealtimeAlarm => Some(libc::CLOCK_REALTIME),
        Clock::Monotonic => Some(SYSTEM.monotonic),
        Clock::Boottime | Clock::BoottimeAlarm => SYSTEM.boottime,
    }
}

/// Whether the clock advances during a suspend, or `None` if that is not known for this platform.
pub(crate) fn counts_suspend(clock: Clock) -> Option<bool> {
    match clock {
        Clock::Monotonic => SYSTEM.monotonic_counts_suspend,
        _ => Some(true),
    }
}

/// Returns an error if this thread may not set timers on alarm clocks.
pub(crate) fn may_wake_the_system() -> io::Result<()> {
    (SYSTEM.may_wake_the_system)()
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
