//! Reading the clocks, and which clock of the system stands for which of ours.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant, SystemTime};

use super::error::{check, os_error, EINVAL};
use super::system::SYSTEM;
use crate::clock::Clock;

impl Clock {
    /// The present time of this clock, counted from its zero: the Unix epoch for the wall clocks, some fixed point for
    /// the others. It is the scale of [`TimerSpec::at`](crate::TimerSpec::at).
    ///
    /// It is real time, always. [`Timer::now`](crate::Timer::now) asks in the time that a timer goes by, which may be simulated.
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
    /// `EOPNOTSUPP` ([`Unsupported`](io::ErrorKind::Unsupported)) for a clock that this system lacks:
    /// [`Boottime`](Clock::Boottime) on most that are not Linux.
    ///
    /// # Platforms
    ///
    /// | clock | Linux, Android | Apple | FreeBSD, DragonFly | OpenBSD | NetBSD, illumos, Solaris and others |
    /// |---|---|---|---|---|---|
    /// | wall clocks | `CLOCK_REALTIME` | the same | the same | the same | the same |
    /// | `Monotonic` | `CLOCK_MONOTONIC` | `CLOCK_UPTIME_RAW` | `CLOCK_UPTIME` | `CLOCK_UPTIME` | `CLOCK_MONOTONIC` |
    /// | `Boottime` | `CLOCK_BOOTTIME` | `CLOCK_MONOTONIC_RAW` | none | `CLOCK_BOOTTIME` | none |
    ///
    /// The clocks that wake the machine tell the time of the clock they are named after.
    pub fn now(self) -> io::Result<Duration> {
        let time = gettime(base_id(self).ok_or_else(|| os_error(libc::EOPNOTSUPP))?)?;
        Ok(duration(time))
    }

    /// The time of this clock at a [`SystemTime`], to be given to [`TimerSpec::at`](crate::TimerSpec::at).
    ///
    /// A time before 1970 becomes the epoch itself, which lies in the past just as well.
    ///
    /// ```
    /// use portable_timerfd::{Clock, Timer, TimerFd};
    /// use std::time::{Duration, SystemTime};
    /// let midnight = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800); // 1 January 2100
    /// let timer = TimerFd::new(Clock::Realtime)?;
    /// timer.arm_at(Clock::Realtime.of_system_time(midnight)?)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` for the clocks that are not the wall clock: no other clock can be told from a `SystemTime` honestly.
    pub fn of_system_time(self, time: SystemTime) -> io::Result<Duration> {
        match self.without_alarm() {
            Clock::Realtime => Ok(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)),
            _ => Err(os_error(EINVAL)),
        }
    }

    /// The time of this clock at an [`Instant`], to be given to [`TimerSpec::at`](crate::TimerSpec::at).
    ///
    /// An instant before the clock's zero becomes that zero, one too far off becomes [`Duration::MAX`]. The conversion
    /// errs on the late side, by the time between two readings of the clock.
    ///
    /// ```
    /// use portable_timerfd::{Clock, Timer, TimerFd};
    /// use std::time::{Duration, Instant};
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// let timer = TimerFd::new(Clock::Monotonic)?;
    /// timer.arm_at(Clock::Monotonic.of_instant(deadline)?)?;
    /// timer.wait(None)?;
    /// assert!(Instant::now() >= deadline);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Platforms
    ///
    /// On Linux and Apple's systems both are the same clock. Elsewhere an `Instant` may go on during a suspend, and then the
    /// conversion holds until the next one.
    ///
    /// # Errors
    ///
    /// `EINVAL` for any clock but [`Monotonic`](Clock::Monotonic): no other can be told from an `Instant` honestly.
    pub fn of_instant(self, instant: Instant) -> io::Result<Duration> {
        if self != Clock::Monotonic {
            return Err(os_error(EINVAL));
        }
        let here = Instant::now();
        let now = self.now()?;
        Ok(match instant.checked_duration_since(here) {
            Some(ahead) => now.checked_add(ahead).unwrap_or(Duration::MAX),
            None => now.saturating_sub(here.saturating_duration_since(instant)),
        })
    }
}

/// The CPU time of the calling thread, in nanoseconds; where the system does not tell, the time
/// that has passed.
pub(crate) fn thread_cpu_time() -> u64 {
    let time = SYSTEM.thread_cpu_time.and_then(|id| gettime(id).ok());
    let time = time.map_or_else(|| Clock::Monotonic.now().unwrap_or_default(), duration);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The shortest time, in nanoseconds, between two wake-ups for counts that stay unread.
pub(crate) fn refresh_pause() -> u64 {
    SYSTEM.refresh_pause
}

/// One reading of how far the wall clock is ahead of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallOffset {
    /// The monotonic time just before the reading.
    pub(crate) time: u64,
    pub(crate) offset: i64,
    /// The offset differs from the true one by at most this. The reading took twice as long.
    pub(crate) error: u64,
}

/// The most accurate of several readings.
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

/// How much a slewed wall clock may gain or lose on the monotonic clock, in parts per million.
pub(crate) fn max_slew_ppm() -> u32 {
    SYSTEM.max_slew_ppm
}

fn signed_nanos(clock: Clock) -> i64 {
    clock.now().map_or(0, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

fn duration(time: libc::timespec) -> Duration {
    // The wall clock can be set before 1970; a timer counts from the epoch.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn gettime(id: libc::clockid_t) -> io::Result<libc::timespec> {
    let mut time = MaybeUninit::uninit();
    // SAFETY: `time` is a valid place for a `timespec`.
    check(unsafe { libc::clock_gettime(id, time.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it has stored the time.
    Ok(unsafe { time.assume_init() })
}

/// The system's clock to read for `clock`; none if there is none. An alarm clock can't always be read itself, so it is
/// read by way of the clock it is named after.
fn base_id(clock: Clock) -> Option<libc::clockid_t> {
    match clock {
        Clock::Realtime | Clock::RealtimeAlarm => Some(libc::CLOCK_REALTIME),
        Clock::Monotonic => Some(SYSTEM.monotonic),
        Clock::Boottime | Clock::BoottimeAlarm => SYSTEM.boottime,
    }
}

/// Whether the clock counts the time in suspend; `None` where that is not known.
pub(crate) fn counts_suspend(clock: Clock) -> Option<bool> {
    match clock {
        Clock::Monotonic => SYSTEM.monotonic_counts_suspend,
        _ => Some(true),
    }
}

/// Whether this thread may set alarm clocks: an error says why not.
pub(crate) fn may_wake_the_machine() -> io::Result<()> {
    (SYSTEM.may_wake_the_machine)()
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
