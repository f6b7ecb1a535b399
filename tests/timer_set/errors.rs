//! Errors and panics leave the set as it was.

use crate::common::{assert_errno, is_readable, HOUR, SECOND};
use crate::probe::Probe;
use crate::{simulated, values};
use portable_timerfd::{Clock, ClockMismatch, ClockTime, SimulatedClock, TimerSet};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

pub fn probed<T>(clock: Clock) -> (SimulatedClock, TimerSet<T, Probe>) {
    let simulated = SimulatedClock::new();
    let timer = Probe::new(simulated.timer(clock).unwrap());
    (simulated, TimerSet::with_timer(timer).unwrap())
}

#[test]
fn a_failed_insertion_leaves_the_set_unchanged_and_drops_the_value() {
    let (clock, mut set) = probed(Clock::Monotonic);
    set.insert_after(HOUR, Rc::new(1)).unwrap();
    let (value, soon) = (Rc::new(2), clock.now(Clock::Monotonic) + SECOND);
    set.timer().failing.store(1, Relaxed);
    assert_errno(set.insert_at(soon, Rc::clone(&value)), nix::libc::ENOMEM);
    assert_eq!((Rc::strong_count(&value), set.len(), clock.next_expiration()), (1, 1, Some(HOUR)));
    set.insert_at(soon, value).unwrap();
    assert_eq!(clock.next_expiration(), Some(SECOND));
}

#[test]
fn a_failed_rearm_leaves_the_entry_unchanged() {
    let (clock, mut set) = probed(Clock::Monotonic);
    let key = set.insert_after(HOUR, ()).unwrap();
    let (deadline, soon) = (set.deadline(key), clock.now(Clock::Monotonic) + SECOND);
    set.timer().failing.store(1, Relaxed);
    assert_errno(set.rearm_at(key, soon), nix::libc::ENOMEM);
    assert_eq!((set.deadline(key), clock.next_expiration()), (deadline, Some(HOUR)));
}

#[test]
fn a_drain_that_cannot_set_the_timer_leaves_the_set_readable() {
    let (clock, mut set) = probed(Clock::Monotonic);
    set.insert_after(SECOND, 1).unwrap();
    set.insert_after(HOUR, 2).unwrap();
    clock.advance(SECOND);
    assert_eq!(set.next_expired().unwrap().unwrap().value, Some(1));
    set.timer().failing.store(2, Relaxed);
    for _ in 0..2 {
        assert_errno(set.next_expired(), nix::libc::ENOMEM);
        assert!(is_readable(&set));
    }
    assert!(set.next_expired().unwrap().is_none());
    assert!(!is_readable(&set));
}

#[test]
fn a_time_of_another_clock_is_refused() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let error = set.insert_at(clock.now(Clock::Realtime), ()).unwrap_err();
    assert!(error.get_ref().is_some_and(|e| e.is::<ClockMismatch>()));
    let key = set.insert_after(SECOND, ()).unwrap();
    set.rearm_at(key, clock.now(Clock::Boottime)).unwrap_err();
    assert_eq!(set.deadline(key), Some(clock.now(Clock::Monotonic) + SECOND));
    let (clock, mut set) = crate::simulated(Clock::Realtime);
    set.insert_at(clock.now(Clock::Boottime), ()).unwrap_err();
    set.insert_at(clock.now(Clock::Monotonic) + SECOND, ()).unwrap();
    assert_eq!(clock.next_expiration(), Some(SECOND));
}

#[test]
fn a_panic_between_calls_leaves_the_set_usable() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    for value in 0..3 {
        set.insert_after(SECOND, value).unwrap();
    }
    clock.advance(SECOND);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        while let Some(expired) = set.next_expired().unwrap() {
            assert_ne!(expired.value, Some(1), "a handler that panics");
        }
    }));
    panicked.unwrap_err();
    assert!(is_readable(&set));
    assert_eq!(values(&mut set), [2]);
}

#[test]
fn a_timer_that_panics_while_it_is_set_is_set_again() {
    let (clock, mut set) = probed(Clock::Monotonic);
    set.insert_after(SECOND * 2, 1).unwrap();
    set.timer().panicking.store(1, Relaxed);
    catch_unwind(AssertUnwindSafe(|| drop(set.insert_after(SECOND, 2)))).unwrap_err();
    assert_eq!(set.len(), 1);
    set.insert_after(SECOND * 3, 3).unwrap();
    assert_eq!(clock.advance_to_next(), Some(SECOND * 2));
    assert_eq!(values(&mut set), [1]);
    assert_eq!(clock.advance_to_next(), Some(SECOND));
    assert_eq!(values(&mut set), [3]);
}

#[test]
fn dropping_the_set_drops_the_values_and_closes_the_timer() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let value = Rc::new(());
    let keys: Vec<_> = (0..9).map(|_| set.insert_after(SECOND, Rc::clone(&value)).unwrap()).collect();
    drop(set.remove(keys[3]));
    set.clear();
    assert_eq!(Rc::strong_count(&value), 1);
    set.insert_at(ClockTime::new(Clock::Monotonic, SECOND), Rc::clone(&value)).unwrap();
    drop(set);
    assert_eq!((Rc::strong_count(&value), clock.next_expiration(), clock.has_unread()), (1, None, false));
}
