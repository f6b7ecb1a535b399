//! C's clock numbers, and conversion of times of these clocks.

use libc::{c_int, clockid_t};
use std::io;
use std::time::Duration;
use timers::{Clock, Initial, TimerSpec};

/// Returns the clock with this number, or `EINVAL` if timers do not support it.
#[allow(clippy::unnecessary_cast)] // the type differs between platforms
pub(crate) fn named(number: c_int) -> io::Result<Clock> {
    Clock::from_clockid(number as clockid_t)
}

/// Converts a setting from C's clock to the timer's clock. The result is never earlier.
///
/// On some systems C's `CLOCK_MONOTONIC` counts suspends, and timers of [`Clock::Monotonic`] must
/// not. There an absolute time has to be converted.
pub(crate) fn translated(spec: TimerSpec) -> io::Result<TimerSpec> {
    let Initial::At(time) = spec.initial() else { return Ok(spec) };
    if cfg!(any(target_os = "linux", target_os = "android")) || time.clock() != Clock::Monotonic {
        return Ok(spec);
    }
    // The clocks are read in this order, so that time which passes between the two makes the result
    // later.
    let left = time.since_zero().saturating_sub(numbered_monotonic()?);
    Ok(TimerSpec::at(Clock::Monotonic.now()? + left).every(spec.interval()))
}

/// Returns the current time of C's `CLOCK_MONOTONIC`.
fn numbered_monotonic() -> io::Result<Duration> {
    let mut now = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `now` is valid for a write of a time.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has stored the time.
    let now = unsafe { now.assume_init() };
    Ok(Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0)))
}
