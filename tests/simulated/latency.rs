//! Latency in simulated time: a program handles each expiration some time after it was due.

use crate::common::*;
use crate::{open, realtime};
use portable_timerfd::{Clock, ClockTime, SimulatedClock};
use std::time::Duration;

const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Boottime, Clock::Realtime];
const LATENCY: Duration = Duration::from_micros(50);

fn late() -> SimulatedClock {
    let simulated = SimulatedClock::new();
    simulated.set_latency(LATENCY);
    simulated
}

/// The time since the start of the monotonic clock.
fn passed(simulated: &SimulatedClock) -> Duration {
    simulated.now(Clock::Monotonic).saturating_duration_since(SimulatedClock::new().now(Clock::Monotonic))
}

#[test]
fn advance_to_next_goes_beyond_each_expiration_by_the_latency() {
    let simulated = late();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(SECOND).unwrap();
    let soon_after = open(&simulated, Clock::Boottime);
    soon_after.arm_after(SECOND + LATENCY).unwrap();
    let begun = CLOCKS.map(|clock| simulated.now(clock));
    assert_eq!(simulated.next_expiration(), Some(SECOND), "the timer is not late");
    assert_eq!(simulated.advance_to_next(), Some(SECOND + LATENCY));
    assert_eq!(CLOCKS.map(|clock| simulated.now(clock)), begun.map(|time| time + SECOND + LATENCY));
    assert_eq!([&timer, &soon_after].map(|timer| timer.read().unwrap()), [1, 1]);
    for n in 2..5 {
        assert_eq!(simulated.advance_to_next(), Some(SECOND), "the schedule stays as it was");
        assert_eq!((passed(&simulated), timer.read().unwrap()), (n * SECOND + LATENCY, 1));
    }
    timer.disarm().unwrap();
    assert_eq!((simulated.advance_to_next(), passed(&simulated)), (None, 4 * SECOND + LATENCY));
}

#[test]
fn advance_through_goes_beyond_each_expiration_but_not_beyond_its_end() {
    let simulated = late();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_after(4 * SECOND).unwrap();
    let mut log = Vec::new();
    simulated.advance_through(10 * SECOND, || {
        log.push((passed(&simulated), timer.read().unwrap()));
        timer.arm_after(4 * SECOND).unwrap();
    });
    assert_eq!(log, [(4 * SECOND + LATENCY, 1), (8 * SECOND + 2 * LATENCY, 1)]);
    assert_eq!(passed(&simulated), 10 * SECOND);
    // The end comes during the latency, or together with the expiration.
    for until_end in [LATENCY, LATENCY / 2, Duration::ZERO] {
        let begun = passed(&simulated);
        timer.arm_after(SECOND).unwrap();
        let mut log = Vec::new();
        simulated.advance_through(SECOND + until_end, || log.push((passed(&simulated), timer.read().unwrap())));
        assert_eq!(log, [(begun + SECOND + until_end, 1)]);
        assert_eq!(passed(&simulated), begun + SECOND + until_end);
    }
}

#[test]
fn expirations_during_the_latency_are_handled_together() {
    let simulated = late();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(LATENCY / 5).unwrap();
    let mut counts = Vec::new();
    simulated.advance_through(3 * LATENCY, || counts.push(timer.read().unwrap()));
    assert_eq!(counts, [6, 6, 3]);
    assert_eq!(passed(&simulated), 3 * LATENCY);
}

#[test]
fn advance_and_suspend_and_a_clock_change_ignore_the_latency() {
    let simulated = late();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_after(SECOND).unwrap();
    simulated.advance(SECOND);
    assert_eq!((passed(&simulated), timer.read().unwrap()), (SECOND, 1));
    let alarm = open(&simulated, Clock::BoottimeAlarm);
    alarm.arm_after(HOUR).unwrap();
    let begun = simulated.now(Clock::Boottime);
    assert_eq!(simulated.suspend(2 * HOUR), HOUR, "the alarm wakes the machine at its time");
    assert_eq!((simulated.now(Clock::Boottime), alarm.read().unwrap()), (begun + HOUR, 1));
    let (wall, noon) = (open(&simulated, Clock::Realtime), realtime(2_000_000_000 * SECOND));
    wall.arm_at(noon).unwrap();
    simulated.set_realtime(noon).unwrap();
    assert_eq!((simulated.now(Clock::Realtime), wall.read().unwrap()), (noon, 1));
}

/// A component that computes `end - now` underflows only if it handles its deadline late.
#[test]
fn a_deadline_has_passed_when_its_expiration_is_handled() {
    let left = |simulated: &SimulatedClock, advance: fn(&SimulatedClock)| {
        let timer = open(simulated, Clock::Monotonic);
        let end = simulated.now(Clock::Monotonic) + SECOND;
        timer.arm_at(end).unwrap();
        advance(simulated);
        assert_eq!(timer.read().unwrap(), 1);
        end.checked_duration_since(simulated.now(Clock::Monotonic))
    };
    let to_next = |simulated: &SimulatedClock| assert!(simulated.advance_to_next().is_some());
    assert_eq!(left(&SimulatedClock::new(), to_next), Some(Duration::ZERO));
    assert_eq!(left(&late(), to_next), None);
    assert_eq!(left(&late(), |simulated| simulated.advance(SECOND)), Some(Duration::ZERO));
}

#[test]
fn the_latency_is_that_of_the_clock_and_can_be_changed() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(SECOND).unwrap();
    assert_eq!(simulated.advance_to_next(), Some(SECOND), "there is none by default");
    simulated.clone().set_latency(LATENCY);
    assert_eq!(simulated.advance_to_next(), Some(SECOND + LATENCY));
    simulated.set_latency(Duration::ZERO);
    assert_eq!(simulated.advance_to_next(), Some(SECOND - LATENCY));
    SimulatedClock::new().set_latency(LATENCY);
    assert_eq!(simulated.advance_to_next(), Some(SECOND), "another clock has its own");
}

#[test]
fn an_endless_latency_is_cut_off_by_the_end_of_the_advance_and_of_time() {
    let simulated = SimulatedClock::new();
    simulated.set_latency(Duration::MAX);
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(SECOND).unwrap();
    let mut counts = Vec::new();
    simulated.advance_through(5 * SECOND, || counts.push(timer.read().unwrap()));
    assert_eq!((counts, passed(&simulated)), (vec![5], 5 * SECOND));
    let by = simulated.advance_to_next().unwrap();
    assert_eq!(by + 5 * SECOND, passed(&simulated), "only the time that has passed is returned");
    let end = ClockTime::new(Clock::Monotonic, Duration::from_nanos(i64::MAX as u64 - 1));
    assert_eq!(simulated.now(Clock::Monotonic), end);
}
