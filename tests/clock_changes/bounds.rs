//! Measures how soon the timer thread notices a clock change or a suspend without a method call.

use crate::measured;
use crate::*;
use portable_timerfd::{Clock, TimerFd};
use std::time::{Duration, Instant};

/// Measures several times how long it takes until the clocks make the timer readable. The latency
/// depends on the machine; in at least one try of fifty, it is within the backend's bound.
fn record(test: &str, mut set: impl FnMut() -> TimerFd, change_the_clocks: impl Fn()) {
    let _alone = alone();
    let mut how_soon = || {
        let timer = set();
        let within = timer.backend().capabilities(timer.clock()).unwrap().jump_latency.unwrap();
        // The clocks change some time after the thread last read them.
        std::thread::sleep(Duration::from_millis(60));
        let begun = Instant::now();
        change_the_clocks();
        until_readable(&timer);
        (begun.elapsed(), within)
    };
    let is_within = |seen: &[(_, _)]| seen.iter().any(|(time, within)| time <= within);
    let mut seen = Vec::new();
    while seen.len() < 5 || !is_within(&seen) && seen.len() < 50 {
        seen.push(how_soon());
    }
    assert!(is_within(&seen), "{seen:?}");
    measured::record("userspace", test, seen.into_iter().map(|(time, _)| time).collect());
}

fn in_an_hour(clock: Clock) -> TimerFd {
    let timer = open_on(clock);
    timer.arm_at(clock.now().unwrap() + HOUR).unwrap();
    timer
}

#[test]
fn the_latency_of_following_a_clock_step() {
    record("the_latency_of_following_a_clock_step", || in_an_hour(Clock::Realtime), || step_wall_clock(3600));
}

#[test]
fn the_latency_of_counting_a_suspend() {
    record("the_latency_of_counting_a_suspend", || in_an_hour(Clock::Boottime), || suspend(3600));
}

#[test]
fn the_latency_of_reporting_a_clock_step() {
    record("the_latency_of_reporting_a_clock_step", watching, || step_wall_clock(-7));
}
