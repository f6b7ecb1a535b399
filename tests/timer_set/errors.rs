//! Errors and panics leave the set as it was.

use crate::common::{assert_errno, is_readable, HOUR, SECOND};
use crate::probe::{Interruption, Probe};
use crate::{on_wall_clock, simulated, values};
use portable_timerfd::{is_clock_change, Clock, ClockMismatch, ClockTime, SimulatedClock, TimerSet};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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
    set.timer().sets_until_panic.store(1, Relaxed);
    catch_unwind(AssertUnwindSafe(|| drop(set.insert_after(SECOND, 2)))).unwrap_err();
    assert_eq!(set.len(), 1);
    set.insert_after(SECOND * 3, 3).unwrap();
    assert_eq!(clock.advance_to_next(), Some(SECOND * 2));
    assert_eq!(values(&mut set), [1]);
    assert_eq!(clock.advance_to_next(), Some(SECOND));
    assert_eq!(values(&mut set), [3]);
}

#[test]
fn a_clock_change_while_the_timer_is_set_does_not_delay_an_entry() {
    for hours in [1, 3] {
        let (clock, mut set) = probed(Clock::Realtime);
        let now = clock.now(Clock::Realtime);
        set.insert_at(now + HOUR * 4, "time").unwrap();
        let soon = clock.now(Clock::Monotonic) + SECOND;
        // The wall clock is set back between the reading of the clocks and the call of `set`.
        set.timer().interrupt(Interruption::Step(clock.clone(), now - HOUR * hours));
        let key = set.insert_at(soon, "duration").unwrap();
        assert_eq!(clock.next_expiration(), Some(on_wall_clock(SECOND)));
        // The same, while the timer is already set to report clock changes.
        set.rearm_at(key, soon + SECOND).unwrap();
        set.timer().interrupt(Interruption::Step(clock.clone(), now));
        clock.advance(SECOND);
        assert!(values(&mut set).is_empty());
        assert_eq!(clock.next_expiration(), Some(on_wall_clock(SECOND)));
    }
}

#[test]
fn a_wall_clock_that_changes_at_every_reading_leaves_the_set_readable() {
    let (clock, mut set) = probed(Clock::Realtime);
    let now = clock.now(Clock::Realtime);
    set.insert_at(now + HOUR * 4, "time").unwrap();
    let soon = clock.now(Clock::Monotonic) + SECOND;
    (1..=9).for_each(|hours| set.timer().interrupt(Interruption::Step(clock.clone(), now - HOUR * hours)));
    set.insert_at(soon, "duration").unwrap();
    assert!(is_readable(&set));
    set.timer().interruptions.lock().unwrap().clear();
    assert!(values(&mut set).is_empty());
    assert_eq!(clock.next_expiration(), Some(on_wall_clock(SECOND)));
}

#[test]
fn an_error_after_a_clock_change_leaves_the_set_readable() {
    for succeeding in 0..8 {
        let (clock, mut set) = probed(Clock::Realtime);
        let now = clock.now(Clock::Realtime);
        set.insert_at(now + HOUR * 5, "time").unwrap();
        set.insert_after(HOUR, "duration").unwrap();
        set.report_clock_changes(true).unwrap();
        // The timer forgets the change when it is set. It is then set to a time of the new clock.
        clock.set_realtime(now - HOUR * 9).unwrap();
        set.timer().succeeding.store(succeeding, Relaxed);
        set.timer().failing.store(1, Relaxed);
        let inserted = set.insert_after(SECOND, "soon");
        assert!(is_readable(&set), "after {succeeding} calls");
        assert_eq!(set.len(), 2 + usize::from(inserted.is_ok()));
        let result = std::iter::repeat_with(|| set.next_expired()).find(|result| !matches!(result, Ok(Some(_))));
        let error = result.unwrap().unwrap_err();
        if !is_clock_change(&error) {
            assert!(is_readable(&set));
            assert!(is_clock_change(&set.next_expired().unwrap_err()));
        }
        set.timer().failing.store(0, Relaxed);
        let next = if inserted.is_ok() { SECOND } else { HOUR };
        assert_eq!(clock.next_expiration(), Some(on_wall_clock(next)));
    }
}

#[test]
fn two_errors_after_a_clock_change_let_the_next_insertion_set_the_timer() {
    let (clock, mut set) = probed(Clock::Realtime);
    set.report_clock_changes(true).unwrap();
    set.insert_after(HOUR, ()).unwrap();
    clock.set_realtime(clock.now(Clock::Realtime) - HOUR * 9).unwrap();
    // Three clock readings and a setting, which reports the change, succeed.
    set.timer().succeeding.store(4, Relaxed);
    set.timer().failing.store(2, Relaxed);
    assert_errno(set.insert_after(SECOND, ()), nix::libc::ENOMEM);
    set.insert_after(HOUR * 2, ()).unwrap();
    assert!(is_readable(&set));
    assert!(is_clock_change(&set.next_expired().unwrap_err()));
    assert_eq!(clock.next_expiration(), Some(on_wall_clock(HOUR)));
}

#[test]
fn a_failed_report_of_clock_changes_changes_nothing() {
    let (clock, mut set) = probed::<()>(Clock::Realtime);
    set.insert_at(clock.now(Clock::Realtime) + HOUR, ()).unwrap();
    set.insert_after(HOUR, ()).unwrap();
    clock.set_realtime(clock.now(Clock::Realtime) - SECOND).unwrap();
    // Fails after the timer has reported the change.
    set.timer().succeeding.store(3, Relaxed);
    set.timer().failing.store(1, Relaxed);
    assert_errno(set.report_clock_changes(true), nix::libc::ENOMEM);
    assert!(is_readable(&set));
    assert!(set.next_expired().unwrap().is_none());
    assert_eq!(clock.next_expiration(), Some(on_wall_clock(HOUR)));
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

#[test]
fn an_interval_of_zero_is_refused() {
    let (_, mut set) = simulated(Clock::Monotonic);
    assert_errno(set.insert_every(Duration::ZERO, ()), nix::libc::EINVAL);
    assert!(set.is_empty());
}

#[test]
fn reserve_counts_the_entries_in_the_set() {
    let (_, mut set) = simulated(Clock::Monotonic);
    set.insert_after(SECOND, ()).unwrap();
    set.reserve(100).unwrap();
    assert_eq!(set.capacity(), 101);
    assert_eq!(set.reserve(usize::MAX).unwrap_err().kind(), std::io::ErrorKind::OutOfMemory);
}
