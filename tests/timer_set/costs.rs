//! Calls of the timer, allocations and memory.

use crate::allocator::{allocations, bytes};
use crate::common::SECOND;
use crate::drain;
use crate::probe::Probe;
use portable_timerfd::{Clock, SimulatedClock, TimerSet};
use std::time::Duration;

const THOUSAND: u64 = if cfg!(miri) { 20 } else { 1_000 };
const MANY: u64 = if cfg!(miri) { 100 } else { 1_000_000 };

fn probed<T>(clock: Clock) -> (SimulatedClock, TimerSet<T, Probe>) {
    let simulated = SimulatedClock::new();
    let timer = Probe::new(simulated.timer(clock).unwrap());
    (simulated, TimerSet::with_timer(timer).unwrap())
}

#[test]
fn a_batch_takes_one_set_one_clock_reading_for_each_end_and_no_read() {
    for (clock, readings) in [(Clock::Monotonic, 1), (Clock::Boottime, 1), (Clock::Realtime, 3)] {
        let (simulated, mut set) = probed(clock);
        for nanos in 1..=THOUSAND {
            set.insert_after(Duration::from_nanos(nanos), nanos).unwrap();
        }
        set.insert_after(SECOND * 9, 0).unwrap();
        simulated.advance(SECOND);
        set.timer().take_counts();
        assert_eq!(drain(&mut set).len(), THOUSAND as usize);
        assert_eq!(set.timer().take_counts(), [1, 0, readings]);
    }
}

#[test]
fn reserving_one_entry_at_a_time_takes_linear_time() {
    let mut set = TimerSet::with_timer(SimulatedClock::new().timer(Clock::Monotonic).unwrap()).unwrap();
    let mut capacities = Vec::new();
    for value in 0..THOUSAND {
        set.reserve(1).unwrap();
        set.insert_after(SECOND, value).unwrap();
        capacities.push(set.capacity());
    }
    capacities.dedup();
    assert!(capacities.len() < 20, "{capacities:?}");
}

#[test]
fn a_set_on_both_clocks_takes_one_set_for_a_batch() {
    let (simulated, mut set) = probed(Clock::Realtime);
    let now = simulated.now(Clock::Realtime);
    for seconds in 1..=100 {
        set.insert_after(SECOND * seconds, ()).unwrap();
        set.insert_at(now + SECOND * seconds, ()).unwrap();
    }
    simulated.advance(SECOND * 50);
    set.timer().take_counts();
    assert_eq!(drain(&mut set).len(), 100);
    let [sets, reads, _] = set.timer().take_counts();
    assert_eq!((sets, reads), (1, 0));
}

#[test]
fn only_an_earlier_deadline_sets_the_timer() {
    let (_, mut set) = probed(Clock::Monotonic);
    set.timer().take_counts();
    let first = set.insert_after(SECOND, 0).unwrap();
    assert_eq!(set.timer().take_counts(), [1, 0, 1]);
    let keys: Vec<_> = (1..100).map(|value| set.insert_after(SECOND * 2, value).unwrap()).collect();
    for &key in &keys {
        set.rearm_after(key, SECOND * 3).unwrap();
    }
    set.rearm_after(first, SECOND * 5).unwrap();
    set.remove(first);
    set.clear();
    assert_eq!(set.timer().take_counts(), [0, 0, 199]);
}

#[test]
fn an_earlier_duration_sets_the_timer_of_a_set_on_both_clocks() {
    let (simulated, mut set) = probed(Clock::Realtime);
    set.insert_at(simulated.now(Clock::Realtime) + SECOND * 2_000, 0).unwrap();
    set.insert_after(SECOND * 1_001, 0).unwrap();
    for seconds in (990..=1_000).rev() {
        set.timer().take_counts();
        set.insert_after(SECOND * seconds, seconds).unwrap();
        // The wall clock may be slewed, so the timer may not be readable in time.
        assert_eq!(set.timer().take_counts(), [1, 0, 3], "{seconds} seconds");
    }
}

#[test]
fn a_set_that_is_not_due_makes_no_system_call_in_next_expired() {
    let (_, mut set) = probed(Clock::Monotonic);
    set.insert_after(SECOND, ()).unwrap();
    set.timer().take_counts();
    assert!(set.next_expired().unwrap().is_none());
    assert_eq!(set.timer().take_counts(), [0, 0, 1]);
}

#[test]
fn keep_alive_connections_wake_the_set_about_once_per_timeout() {
    const CONNECTIONS: usize = if cfg!(miri) { 10 } else { 1_000 };
    const TICKS: u32 = if cfg!(miri) { 100 } else { 1_000 };
    let (simulated, mut set) = probed(Clock::Monotonic);
    let keys: Vec<_> = (0..CONNECTIONS).map(|value| set.insert_after(SECOND, value).unwrap()).collect();
    set.timer().take_counts();
    let mut wake_ups = 0;
    for _ in 0..TICKS {
        for &key in &keys {
            set.rearm_after(key, SECOND).unwrap();
        }
        simulated.advance(SECOND * 10 / TICKS);
        if simulated.has_unread() {
            wake_ups += 1;
            assert!(set.next_expired().unwrap().is_none());
        }
    }
    let [sets, reads, _] = set.timer().take_counts();
    assert!((9..=20).contains(&wake_ups), "{wake_ups} in ten seconds");
    assert_eq!((sets, reads), (wake_ups, 0));
}

/// Returns how often `body` allocates.
fn allocates<T>(body: impl FnOnce() -> T) -> (u64, T) {
    let before = allocations();
    let result = body();
    (allocations() - before, result)
}

#[test]
fn a_set_that_has_grown_allocates_nothing() {
    let simulated = SimulatedClock::new();
    let mut set = TimerSet::with_timer(simulated.timer(Clock::Realtime).unwrap()).unwrap();
    set.reserve(100).unwrap();
    // A timer allocates when it begins to report clock changes. In this mode it always does.
    set.report_clock_changes(true).unwrap();
    let mut random = fastrand::Rng::with_seed(26);
    let mut delay = || Duration::from_millis(random.u64(0..1_000));
    for round in 0..if cfg!(miri) { 2 } else { 20 } {
        let now = simulated.now(Clock::Realtime);
        let mut round_of_calls = || {
            while set.next_expired().unwrap().is_some() {}
            set.clear();
            let keys: [_; 100] = std::array::from_fn(|value| set.insert_after(delay(), value).unwrap());
            for key in keys {
                // From one clock to the other, also during a drain.
                set.rearm_at(key, now + delay()).unwrap();
                set.next_expired().unwrap();
                set.rearm_after(key, delay()).unwrap();
            }
        };
        assert_eq!(allocates(&mut round_of_calls).0, 0, "round {round}");
        simulated.advance(Duration::from_millis(500));
    }
}

#[test]
fn a_million_entries_take_at_most_64_bytes_each_besides_the_value() {
    let (simulated, mut set) = probed(Clock::Monotonic);
    let before = bytes();
    set.reserve(MANY as usize).unwrap();
    let each = (bytes() - before) as f64 / set.capacity() as f64 - 8.0;
    assert!(each <= 64.0, "{each} bytes");
    println!("{each} bytes for each slot besides a value of 8 bytes");
    let mut random = fastrand::Rng::with_seed(26);
    let delays: Vec<u64> = (0..MANY).map(|_| random.u64(1..1_000_000_000)).collect();
    let keys: Vec<_> =
        delays.iter().map(|&delay| set.insert_after(Duration::from_nanos(delay), delay).unwrap()).collect();
    assert_eq!((set.len(), set.capacity()), (MANY as usize, MANY as usize));
    for &key in keys.iter().step_by(3) {
        set.remove(key).unwrap();
    }
    for &key in keys.iter().skip(1).step_by(3) {
        set.rearm_after(key, SECOND * 2).unwrap();
    }
    simulated.advance(SECOND);
    let mut expected: Vec<u64> = delays.iter().copied().skip(2).step_by(3).collect();
    expected.sort_unstable();
    let expired: Vec<u64> = drain(&mut set).into_iter().filter_map(|expired| expired.value).collect();
    assert!(expired == expected, "{} entries, not {}", expired.len(), expected.len());
    simulated.advance(SECOND);
    assert_eq!(drain(&mut set).len(), keys.iter().skip(1).step_by(3).count());
    assert!(set.is_empty());
}
