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

use portable_timerfd::bindings::max_slew_ppm;
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

/// Returns after which time a set wakes up that has a duration on the wall clock.
///
/// It is shorter than the duration only on platforms that slew the wall clock alone. In simulated
/// time, nothing slews the clock.
fn on_wall_clock(duration: Duration) -> Duration {
    duration - Duration::from_nanos(duration.as_nanos() as u64 / 1_000_000 * u64::from(max_slew_ppm()))
}

/// Advances from one wake-up to the next until an entry expires. Returns by how much, and the
/// values.
fn advance_until_due<T>(simulated: &SimulatedClock, set: &mut TimerSet<T>) -> (Duration, Vec<T>) {
    let mut passed = Duration::ZERO;
    for _ in 0..if max_slew_ppm() == 0 { 1 } else { 10 } {
        passed += simulated.advance_to_next().unwrap();
        let values = values(set);
        if !values.is_empty() {
            return (passed, values);
        }
    }
    panic!("nothing is due after {passed:?}");
}

#[test]
fn linux_wakes_a_set_at_the_exact_time() {
    let is_linux = cfg!(any(target_os = "linux", target_os = "android"));
    // These two use the code of an unknown Unix.
    let is_exact = is_linux && !cfg!(any(miri, portable_timerfd_test_posix));
    assert!(!is_exact || on_wall_clock(common::HOUR) == common::HOUR);
}

/// Returns everything that one drain returns.
fn drain<T, M: Timer>(set: &mut TimerSet<T, M>) -> Vec<Expired<T>> {
    std::iter::from_fn(|| set.next_expired().unwrap()).collect()
}

/// Returns the values that one drain returns.
fn values<T, M: Timer>(set: &mut TimerSet<T, M>) -> Vec<T> {
    drain(set).into_iter().filter_map(|expired| expired.value).collect()
}
