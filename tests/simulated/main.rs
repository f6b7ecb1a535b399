//! The simulated backend: its clock, its timers in real pollers and threads, and its results
//! compared with Linux's.
//!
//! `tests/conformance` and `tests/vm` test the promises that it shares with the other backends.

mod clock;
mod clock_changes;
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod full;
mod hour;
#[cfg(target_os = "linux")]
mod kernel;
mod latency;
mod loops;
mod model;
mod process;
#[path = "../common/random.rs"]
mod random;
mod stop_server;
mod threads;
mod waiters;

use portable_timerfd::{Clock, ClockTime, SimulatedClock, TimerFd, TimerSpec};
use std::time::Duration;

/// Opens a timer of this clock.
fn open(simulated: &SimulatedClock, clock: Clock) -> TimerFd {
    simulated.timer(clock).unwrap().into()
}

/// A time of the wall clock.
const fn realtime(since_zero: Duration) -> ClockTime {
    ClockTime::new(Clock::Realtime, since_zero)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
