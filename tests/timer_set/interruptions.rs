//! What happens between two calls that a set makes, or while a drain is under way.

use crate::common::{assert_errno, is_readable, HOUR, SECOND};
use crate::errors::probed;
use crate::probe::{Interruption, Probe};
use crate::{on_wall_clock, simulated, values};
use portable_timerfd::{is_clock_change, Clock, SimulatedClock, TimerSet};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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
fn a_panic_after_a_clock_change_is_made_good_by_the_next_call() {
    let (clock, mut set) = mixed();
    change_the_clock(&clock, &set, 1);
    set.timer().sets_until_panic.store(2, Relaxed);
    catch_unwind(AssertUnwindSafe(|| set.insert_after(SECOND * 5, "new"))).unwrap_err();
    set.insert_after(SECOND * 20, "later").unwrap();
    assert_eq!(clock.next_expiration(), Some(on_wall_clock(SECOND * 10)));
    clock.advance(SECOND * 10);
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
