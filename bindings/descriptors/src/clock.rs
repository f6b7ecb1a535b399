//! C's numbers of clocks, and times of these clocks.

use libc::{c_int, clockid_t};
use std::io;
use std::time::Duration;
use timers::{Clock, Initial, TimerSpec};

/// The clocks that have numbers here.
const CLOCKS: &[(clockid_t, Clock)] = &[
    (libc::CLOCK_REALTIME, Clock::Realtime),
    (libc::CLOCK_MONOTONIC, Clock::Monotonic),
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "openbsd"))]
    (libc::CLOCK_BOOTTIME, Clock::Boottime),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    (libc::CLOCK_REALTIME_ALARM, Clock::RealtimeAlarm),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    (libc::CLOCK_BOOTTIME_ALARM, Clock::BoottimeAlarm),
];

/// The clock of this number; `EINVAL` if it is not one for timers.
#[allow(clippy::unnecessary_cast)] // the type is not the same everywhere
pub(crate) fn named(number: c_int) -> io::Result<Clock> {
    let found = CLOCKS.iter().find(|&&(known, _)| known as c_int == number);
    found.map(|&(_, clock)| clock).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))
}

/// The same setting by the timer's clock, which is not the one that has its number on every system: `CLOCK_MONOTONIC` counts suspends
/// on some, and timers of it are not to. Never earlier than it was.
pub(crate) fn translated(spec: TimerSpec, clock: Clock) -> io::Result<TimerSpec> {
    if cfg!(any(target_os = "linux", target_os = "android")) || clock != Clock::Monotonic {
        return Ok(spec);
    }
    let Initial::At(time) = spec.initial() else { return Ok(spec) };
    // In this order: what passes in between makes it later.
    let left = time.saturating_sub(numbered_monotonic()?);
    let time = clock.now()?.saturating_add(left);
    Ok(TimerSpec::new(Initial::At(time), spec.interval()))
}

/// The present time by C's `CLOCK_MONOTONIC`.
fn numbered_monotonic() -> io::Result<Duration> {
    let mut now = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `now` is a valid place for a time.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has stored the time.
    let now = unsafe { now.assume_init() };
    Ok(Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0)))
}
