//! What happens between two calls that a set makes, or while a drain is under way.

use crate::common::{assert_errno, is_readable, HOUR, SECOND};
use crate::errors::probed;
use crate::probe::{Interruption, Probe};
use crate::{simulated, values};
use portable_timerfd::{is_clock_change, Clock, SimulatedClock, TimerSet};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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
        assert_eq!(clock.next_expiration(), Some(SECOND));
        // The same, while the timer is already set to report clock changes.
        set.rearm_at(key, soon + SECOND).unwrap();
        set.timer().interrupt(Interruption::Step(clock.clone(), now));
        clock.advance(SECOND);
        assert!(values(&mut set).is_empty());
        assert_eq!(clock.next_expiration(), Some(SECOND));
    }
}

/// Returns a set with an entry in ten seconds and one at a time of the wall clock.
fn mixed() -> (SimulatedClock, TimerSet<&'static str, Probe>) {
    let (clock, mut set) = probed(Clock::Realtime);
    set.insert_at(clock.now(Clock::Realtime) + HOUR * 9, "time").unwrap();
    set.insert_after(SECOND * 10, "old").unwrap();
    (clock, set)
}

/// Sets the wall clock back by one more hour before each of the next settings.
fn change_the_clock(clock: &SimulatedClock, set: &TimerSet<&str, Probe>, times: u32) {
    let now = clock.now(Clock::Realtime);
    for hours in 1..=times {
        // The first reading is that of the insertion.
        set.timer().interrupt(Interruption::Pause(clock.clone(), Duration::ZERO));
        set.timer().interrupt(Interruption::Step(clock.clone(), now - HOUR * hours));
    }
}

#[test]
fn a_clock_that_changes_again_and_again_delays_no_entry() {
    let (clock, mut set) = mixed();
    let now = clock.now(Clock::Realtime);
    // One reading is for the insertion itself.
    set.timer().interrupt(Interruption::Pause(clock.clone(), Duration::ZERO));
    for hours in 1..=9 {
        set.timer().interrupt(Interruption::Step(clock.clone(), now - HOUR * hours));
    }
    set.insert_after(SECOND * 5, "new").unwrap();
    set.timer().interruptions.lock().unwrap().clear();
    assert!(clock.next_expiration() <= Some(SECOND * 5), "{:?}", clock.next_expiration());
    assert!(values(&mut set).is_empty());
    assert_eq!(clock.advance_to_next(), Some(SECOND * 5));
    assert_eq!(values(&mut set), ["new"]);
}

#[test]
fn a_failure_after_a_clock_change_is_made_good_by_the_next_call() {
    let insert_later =
        |set: &mut TimerSet<&'static str, Probe>| assert!(set.insert_after(SECOND * 20, "later").is_ok());
    let drain = |set: &mut TimerSet<&'static str, Probe>| assert!(values(set).is_empty());
    for repair in [insert_later, drain] {
        let (clock, mut set) = mixed();
        change_the_clock(&clock, &set, 1);
        set.timer().sets_until_failure.store(2, Relaxed);
        assert_errno(set.insert_after(SECOND * 5, "new"), nix::libc::ENOMEM);
        repair(&mut set);
        assert_eq!(clock.advance_to_next(), Some(SECOND * 10));
        assert_eq!(values(&mut set), ["old"]);
    }
}

#[test]
fn a_panic_after_a_clock_change_is_made_good_by_the_next_call() {
    let (clock, mut set) = mixed();
    change_the_clock(&clock, &set, 1);
    set.timer().sets_until_panic.store(2, Relaxed);
    catch_unwind(AssertUnwindSafe(|| set.insert_after(SECOND * 5, "new"))).unwrap_err();
    set.insert_after(SECOND * 20, "later").unwrap();
    assert_eq!(clock.advance_to_next(), Some(SECOND * 10));
    assert_eq!(values(&mut set), ["old"]);
}

#[test]
fn a_pause_before_a_relative_setting_delays_no_other_entry() {
    let (clock, mut set) = probed(Clock::Realtime);
    set.insert_after(HOUR, "old").unwrap();
    // The reading of the insertion, and that of the setting.
    set.timer().interrupt(Interruption::Pause(clock.clone(), Duration::ZERO));
    set.timer().interrupt(Interruption::Pause(clock.clone(), HOUR - SECOND));
    set.insert_after(HOUR - SECOND / 2, "new").unwrap();
    assert_eq!(clock.next_expiration(), Some(SECOND / 2));
}

#[test]
fn a_drain_that_was_left_open_ends_with_a_timer_that_is_set() {
    let (clock, mut set) = simulated(Clock::Realtime);
    set.report_clock_changes(true).unwrap();
    set.insert_after(SECOND, "a").unwrap();
    let removed = set.insert_after(SECOND, "b").unwrap();
    set.insert_after(SECOND * 10, "c").unwrap();
    clock.advance(SECOND);
    assert_eq!(set.next_expired().unwrap().unwrap().value, Some("a"));
    set.remove(removed);
    set.report_clock_changes(false).unwrap();
    clock.advance(SECOND * 9);
    // A program that reads the timer, although it should not.
    set.timer().read().unwrap();
    assert!(set.next_expired().unwrap().is_none());
    assert!(is_readable(&set));
    assert_eq!(values(&mut set), ["c"]);
}

#[test]
fn waiting_for_readability_takes_no_report_from_the_set() {
    let (clock, mut set) = simulated::<&str>(Clock::Realtime);
    set.report_clock_changes(true).unwrap();
    clock.set_realtime(clock.now(Clock::Realtime) + HOUR).unwrap();
    set.timer().wait_readable(None).unwrap();
    set.wait_readable(None).unwrap();
    assert!(is_clock_change(&set.next_expired().unwrap_err()));
    let limit = set.wait_readable(Some(Duration::ZERO));
    assert_errno(limit, nix::libc::ETIMEDOUT);
}
