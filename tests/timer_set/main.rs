//! `TimerSet`: random scripts compared with a naive model on simulated time, its costs, and both
//! backends.

#[path = "../common/allocator.rs"]
mod allocator;
#[path = "../common/mod.rs"]
mod common;
mod costs;
mod drains;
mod errors;
mod interruptions;
mod model;
mod play;
mod probe;
#[path = "../common/random.rs"]
mod random;
#[cfg(not(miri))]
mod real;
mod script;

#[global_allocator]
static COUNTING: allocator::Counting = allocator::Counting;

use portable_timerfd::timer_set::Expired;
use portable_timerfd::{Clock, SimulatedClock, Timer, TimerFd, TimerSet};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns a set on a new simulated clock.
fn simulated<T>(clock: Clock) -> (SimulatedClock, TimerSet<T>) {
    let simulated = SimulatedClock::new();
    let timer = TimerFd::from(simulated.timer(clock).unwrap());
    (simulated, TimerSet::with_timer(timer).unwrap())
}

/// Returns everything that one drain returns.
fn drain<T, M: Timer>(set: &mut TimerSet<T, M>) -> Vec<Expired<T>> {
    std::iter::from_fn(|| set.next_expired().unwrap()).collect()
}

/// Returns the values that one drain returns.
fn values<T, M: Timer>(set: &mut TimerSet<T, M>) -> Vec<T> {
    drain(set).into_iter().filter_map(|expired| expired.value).collect()
}
