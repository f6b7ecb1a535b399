//! The servers' three timers, of whatever makes timers.

use portable_timerfd::{Clock, Timer, TimerFd};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Makes them, disarmed.
pub fn open(new_timer: impl Fn(Clock) -> io::Result<TimerFd>) -> io::Result<Vec<TimerFd>> {
    (1..=3).map(|_| new_timer(Clock::Realtime)).collect()
}

/// Timer 1 fires every quarter of a second from now on, timer 2 every half, timer 3 every three quarters.
pub fn arm(timers: &[TimerFd]) -> io::Result<()> {
    for (timer, number) in timers.iter().zip(1..) {
        timer.arm_every(Duration::from_millis(250) * number)?;
    }
    Ok(())
}

/// How often a timer that is ready has expired; `None` if it has not after all.
pub fn expirations(timer: &TimerFd) -> io::Result<Option<u64>> {
    match timer.read() {
        Ok(count) => Ok(Some(count)),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(e) => Err(e),
    }
}
