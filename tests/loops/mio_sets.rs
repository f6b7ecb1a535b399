//! mio: a `TimerSet` is a source.

use crate::awaited_set::Lined;
use crate::mio::{Loop, NOW};
use crate::sources::assert_closed;
use crate::support::*;
use ::mio::{Interest, Token};
use portable_timerfd::{Backend, Clock, SimulatedClock, Timer, TimerSet};
use std::os::fd::AsRawFd;
use std::time::Duration;

crate::cases![
    a_set_is_reported_at_each_deadline,
    a_set_is_reported_at_an_earlier_deadline,
    a_drained_set_is_silent_and_a_postponed_entry_comes_later,
    a_set_that_was_due_before_its_registration_is_reported,
    a_reregistered_set_is_reported_with_its_new_token,
    a_deregistered_set_is_silent_and_loses_nothing,
    a_set_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved,
    a_set_dropped_while_registered_leaves_the_loop_working,
    a_set_leaves_no_descriptor,
];

fn open_set(backend: Backend) -> TimerSet<u32> {
    TimerSet::with_timer(open(backend)).unwrap()
}

/// Takes all entries that are due.
fn drain<M: Timer>(set: &mut TimerSet<u32, M>) -> Vec<u32> {
    std::iter::from_fn(|| set.next_expired().unwrap()).map(|expired| expired.value.unwrap()).collect()
}

/// Waits until this entry is reported, and asserts that it comes alone.
///
/// The set can be reported without an entry too, at the former deadline of a postponed one.
#[track_caller]
fn assert_next(mio: &mut Loop, set: &mut TimerSet<u32>, token: usize, value: u32) {
    loop {
        assert_eq!(mio.tokens(None), [token]);
        let values = drain(set);
        if !values.is_empty() {
            return assert_eq!(values, [value]);
        }
    }
}

fn a_set_is_reported_at_each_deadline(backend: Backend) {
    let mut mio = Loop::new();
    let mut set = open_set(backend);
    mio.register(&mut set, 1);
    assert!(mio.tokens(NOW).is_empty());
    let first = set.now(Clock::Monotonic).unwrap() + ms(1);
    for n in (0..20).map(|n| n * 7 % 20) {
        set.insert_at(first + ms(1) / 4 * n, n).unwrap();
    }
    let mut values = Vec::new();
    while values.len() < 20 {
        assert_eq!(mio.tokens(None), [1]);
        values.extend(drain(&mut set));
        let last = u32::try_from(values.len()).unwrap().saturating_sub(1);
        assert!(values.is_empty() || set.now(Clock::Monotonic).unwrap() >= first + ms(1) / 4 * last);
    }
    assert!(values.into_iter().eq(0..20));
    assert!(mio.tokens(Some(ms(2))).is_empty());
}

fn a_set_is_reported_at_an_earlier_deadline(backend: Backend) {
    let mut mio = Loop::new();
    let mut set = open_set(backend);
    mio.register(&mut set, 1);
    for round in 1..=5 {
        set.insert_after(HOUR / round, 0).unwrap();
        assert!(mio.tokens(NOW).is_empty());
        set.insert_after(ms(1), round).unwrap();
        assert_next(&mut mio, &mut set, 1, round);
    }
    assert!(mio.tokens(Some(ms(2))).is_empty());
}

fn a_drained_set_is_silent_and_a_postponed_entry_comes_later(backend: Backend) {
    let mut mio = Loop::new();
    let mut set = open_set(backend);
    mio.register(&mut set, 1);
    for round in 0..5 {
        let key = set.insert_after(ms(1), round).unwrap();
        assert!(set.rearm_after(key, HOUR).unwrap());
        assert_eq!(mio.tokens(None), [1], "the former deadline");
        assert!(drain(&mut set).is_empty());
        assert!(mio.tokens(Some(ms(2))).is_empty());
        let goal = set.now(Clock::Monotonic).unwrap() + ms(1);
        assert!(set.rearm_at(key, goal).unwrap());
        assert_next(&mut mio, &mut set, 1, round);
        assert!(set.now(Clock::Monotonic).unwrap() >= goal);
    }
}

fn a_set_that_was_due_before_its_registration_is_reported(backend: Backend) {
    let mut mio = Loop::new();
    let mut set = open_set(backend);
    for value in 0..3 {
        set.insert_after(Duration::ZERO, value).unwrap();
    }
    until_readable(&set);
    assert_eq!(set.next_expired().unwrap().unwrap().value, Some(0));
    mio.register(&mut set, 1);
    assert_eq!(mio.tokens(None), [1]);
    assert_eq!(drain(&mut set), [1, 2]);
    set.insert_after(ms(1), 3).unwrap();
    assert_next(&mut mio, &mut set, 1, 3);
}

fn a_reregistered_set_is_reported_with_its_new_token(backend: Backend) {
    let mut mio = Loop::new();
    let mut set = open_set(backend);
    mio.register(&mut set, 1);
    for (round, token) in (0..5).zip(2..) {
        set.insert_after(Duration::ZERO, round).unwrap();
        assert_eq!(mio.tokens(None), [token - 1]);
        // The entry has not been taken, so the set is reported again.
        mio.poll.registry().reregister(&mut set, Token(token), Interest::READABLE).unwrap();
        assert_next(&mut mio, &mut set, token, round);
        set.insert_after(ms(1), round).unwrap();
        assert_next(&mut mio, &mut set, token, round);
    }
}

fn a_deregistered_set_is_silent_and_loses_nothing(backend: Backend) {
    let mut mio = Loop::new();
    let mut set = open_set(backend);
    for round in 0..5 {
        mio.register(&mut set, 1);
        set.insert_after(ms(1), round).unwrap();
        assert_next(&mut mio, &mut set, 1, round);
        mio.poll.registry().deregister(&mut set).unwrap();
        set.insert_after(Duration::ZERO, round).unwrap();
        until_readable(&set);
        assert!(mio.tokens(NOW).is_empty());
        mio.register(&mut set, 2);
        assert_next(&mut mio, &mut set, 2, round);
        mio.poll.registry().deregister(&mut set).unwrap();
    }
}

/// Runs in simulated time, for every backend.
fn a_set_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved(_: Backend) {
    let mut mio = Loop::new();
    let clock = SimulatedClock::new();
    let mut set = TimerSet::with_timer(clock.timer(Clock::Monotonic).unwrap()).unwrap();
    mio.register(&mut set, 1);
    for value in 1..=3 {
        set.insert_after(HOUR * value, value).unwrap();
    }
    for value in 1..=3 {
        clock.advance(HOUR - SECOND);
        assert!(mio.tokens(NOW).is_empty());
        clock.advance(SECOND);
        assert_eq!((mio.tokens(NOW), drain(&mut set)), (vec![1], vec![value]));
    }
    assert_eq!(clock.next_expiration(), None);
}

fn a_set_dropped_while_registered_leaves_the_loop_working(backend: Backend) {
    let mut mio = Loop::new();
    let mut numbers = Vec::new();
    for round in 0..50 {
        let mut set = open_set(backend);
        numbers.push(set.as_raw_fd());
        mio.register(&mut set, 5);
        for value in [round, 0] {
            set.insert_after(Duration::from_micros(100), value).unwrap();
        }
        assert_eq!(mio.tokens(None), [5]);
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(round));
    }
    // Other tests may have taken the number in between, but not each time.
    assert!(numbers.windows(2).any(|pair| pair[0] == pair[1]), "a number comes again: {numbers:?}");
    assert!(mio.tokens(Some(ms(2))).is_empty());
}

fn a_set_leaves_no_descriptor(backend: Backend) {
    let mio = Loop::new();
    let (mut set, peer) = Lined::set(backend);
    mio.register(&mut set, 1);
    assert_closed(&peer, false);
    drop(set);
    assert_closed(&peer, true);
}
