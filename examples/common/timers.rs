//! The servers' three timers, created by any function that creates timers.

use portable_timerfd::{Clock, TimerFd};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Creates the timers, disarmed.
pub fn open(new_timer: impl Fn(Clock) -> io::Result<TimerFd>) -> io::Result<Vec<TimerFd>> {
    (1..=3).map(|_| new_timer(Clock::Realtime)).collect()
}

/// Arms timer 1 to expire every quarter of a second, timer 2 every half second, and timer 3 every
/// three quarters.
pub fn arm(timers: &[TimerFd]) -> io::Result<()> {
    for (timer, number) in timers.iter().zip(1..) {
        timer.arm_every(Duration::from_millis(250) * number)?;
    }
    Ok(())
}

/// Reads a timer that is ready. Returns `None` if it has not expired.
pub fn expirations(timer: &TimerFd) -> io::Result<Option<u64>> {
    match timer.read() {
        Ok(count) => Ok(Some(count)),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(e) => Err(e),
    }
}
