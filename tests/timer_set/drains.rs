//! What belongs to a drain, in simulated time.

use crate::common::{assert_errno, is_readable, HOUR, SECOND};
use crate::{advance_until_due, drain, ms, on_wall_clock, simulated, values};
use portable_timerfd::{is_clock_change, Clock, ClockTime, TimerSpec};
use std::rc::Rc;
use std::time::Duration;

#[test]
fn entries_expire_in_the_order_of_time_and_then_of_insertion() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    for (delay, name) in [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (3, "e")] {
        set.insert_after(SECOND * delay, name).unwrap();
    }
    clock.advance(SECOND * 3);
    assert_eq!(values(&mut set), ["a", "b", "c", "d", "e"]);
    assert!(!is_readable(&set));
}

#[test]
fn rearming_keeps_the_place_among_entries_that_are_due_at_the_same_time() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let first = set.insert_after(SECOND, 1).unwrap();
    set.insert_after(SECOND * 2, 2).unwrap();
    set.rearm_after(first, SECOND * 2).unwrap();
    clock.advance(SECOND * 2);
    assert_eq!(values(&mut set), [1, 2]);
}

#[test]
fn entries_that_are_inserted_during_a_drain_belong_to_the_next_one() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    set.insert_after(SECOND, 0).unwrap();
    clock.advance(SECOND);
    for round in 0..5 {
        assert!(is_readable(&set));
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(round));
        // A handler that never stops to insert entries that are due cannot make the drain endless.
        set.insert_at(ClockTime::new(Clock::Monotonic, SECOND), round + 1).unwrap();
        assert!(set.next_expired().unwrap().is_none());
    }
}

#[test]
fn a_drain_that_stops_early_leaves_the_set_readable() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    for value in 0..3 {
        set.insert_after(SECOND, value).unwrap();
    }
    clock.advance(HOUR);
    for value in 0..3 {
        assert!(is_readable(&set));
        assert_eq!(set.next_expired().unwrap().unwrap().value, Some(value));
    }
    assert!(is_readable(&set), "the set cannot know that the caller will not ask again");
    assert!(set.next_expired().unwrap().is_none());
    assert!(!is_readable(&set));
}

#[test]
fn an_entry_that_is_removed_or_postponed_during_a_drain_is_not_returned() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let keys = ["a", "b", "c", "d"].map(|name| set.insert_after(SECOND, name).unwrap());
    clock.advance(SECOND);
    assert_eq!(set.next_expired().unwrap().unwrap().value, Some("a"));
    assert_eq!(set.remove(keys[1]), Some("b"));
    set.rearm_after(keys[2], HOUR).unwrap();
    assert_eq!(values(&mut set), ["d"]);
    assert_eq!(clock.next_expiration(), Some(HOUR));
}

#[test]
fn a_postponed_deadline_wakes_the_set_once() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let key = set.insert_after(SECOND, ()).unwrap();
    for seconds in 1..=100 {
        set.rearm_after(key, SECOND * seconds).unwrap();
    }
    assert_eq!(clock.advance_to_next(), Some(SECOND));
    assert!(is_readable(&set));
    assert!(set.next_expired().unwrap().is_none());
    assert!(!is_readable(&set));
    assert_eq!(clock.advance_to_next(), Some(SECOND * 99));
    assert_eq!(values(&mut set), [()]);
}

#[test]
fn a_periodic_entry_is_returned_with_its_count_and_stays() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let begin = set.now(set.duration_clock()).unwrap();
    let key = set.insert_every(ms(10), Rc::new("each")).unwrap();
    clock.advance(ms(35));
    let expired = drain(&mut set);
    assert_eq!(expired.len(), 1);
    assert_eq!((expired[0].key, expired[0].count, expired[0].deadline), (key, 3, begin + ms(10)));
    assert!(expired[0].value.is_none() && set.get(key).is_some());
    assert_eq!(set.next_deadline().unwrap(), Some(begin + ms(40)));
}

#[test]
fn an_entry_can_be_made_periodic_and_expire_once_again() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let key = set.insert_after(HOUR, ()).unwrap();
    assert!(set.rearm_every(key, SECOND).unwrap());
    clock.advance(SECOND * 3);
    assert_eq!(drain(&mut set).iter().map(|expired| expired.count).collect::<Vec<_>>(), [3]);
    set.rearm_after(key, SECOND).unwrap();
    clock.advance(SECOND * 3);
    assert_eq!(values(&mut set), [()]);
    assert!(set.is_empty() && !set.rearm_every(key, SECOND).unwrap());
}

#[test]
fn a_period_of_zero_is_refused() {
    let (_, mut set) = simulated(Clock::Monotonic);
    let key = set.insert_after(HOUR, 1).unwrap();
    assert_errno(set.insert_every(Duration::ZERO, 2), nix::libc::EINVAL);
    assert_errno(set.rearm_every(key, Duration::ZERO), nix::libc::EINVAL);
    assert_eq!((set.len(), set.deadline(key)), (1, set.next_deadline().unwrap()));
}

#[test]
fn entries_at_a_wall_clock_time_follow_clock_changes_and_durations_do_not() {
    for clock in [Clock::Realtime, Clock::RealtimeAlarm] {
        let (simulated, mut set) = simulated(clock);
        let now = simulated.now(Clock::Realtime);
        set.insert_after(HOUR, "duration").unwrap();
        set.insert_at(now + HOUR * 2, "time").unwrap();
        simulated.set_realtime(now + HOUR * 2).unwrap();
        assert_eq!(values(&mut set), ["time"]);
        assert_eq!(advance_until_due(&simulated, &mut set), (HOUR, vec!["duration"]));
        set.insert_after(HOUR, "duration").unwrap();
        set.insert_at(now + HOUR * 4, "time").unwrap();
        simulated.set_realtime(now).unwrap();
        assert!(values(&mut set).is_empty());
        assert_eq!(advance_until_due(&simulated, &mut set), (HOUR, vec!["duration"]));
        assert_eq!(simulated.advance_to_next(), Some(HOUR * 3));
        assert_eq!(values(&mut set), ["time"]);
    }
}

#[test]
fn a_duration_counts_suspends_only_on_the_clocks_that_do() {
    let counts = |clock| {
        let (simulated, mut set) = simulated(clock);
        set.insert_after(HOUR, ()).unwrap();
        let slept = simulated.suspend(HOUR * 2);
        let expired = values(&mut set).len();
        // On the wall clock, a slewing platform wakes too early. It is then suspended again.
        if expired == 0 && slept < HOUR * 2 {
            assert_eq!(slept, on_wall_clock(HOUR));
            let (more, expired) = advance_until_due(&simulated, &mut set);
            return (slept + more, expired.len());
        }
        (slept, expired)
    };
    assert_eq!(counts(Clock::Monotonic), (HOUR * 2, 0));
    assert_eq!(counts(Clock::Realtime), (HOUR * 2, 0));
    assert_eq!(counts(Clock::Boottime), (HOUR * 2, 1));
    // These wake the system.
    assert_eq!(counts(Clock::RealtimeAlarm), (HOUR, 1));
    assert_eq!(counts(Clock::BoottimeAlarm), (HOUR, 1));
}

#[test]
fn a_clock_change_is_reported_once_and_loses_no_entry() {
    let (simulated, mut set) = simulated(Clock::Realtime);
    set.report_clock_changes(true).unwrap();
    set.insert_after(HOUR, ()).unwrap();
    for hours in [5, 9] {
        simulated.set_realtime(simulated.now(Clock::Realtime) + HOUR * hours).unwrap();
        assert!(is_readable(&set));
        assert!(is_clock_change(&set.next_expired().unwrap_err()));
        assert!(!is_readable(&set));
        assert!(set.next_expired().unwrap().is_none());
    }
    simulated.set_realtime(simulated.now(Clock::Realtime) + HOUR).unwrap();
    // The insertion sets the timer, which must not swallow the change.
    set.insert_after(SECOND, ()).unwrap();
    assert!(is_readable(&set));
    assert!(is_clock_change(&set.next_expired().unwrap_err()));
    assert_eq!(advance_until_due(&simulated, &mut set), (SECOND, vec![()]));
    // The other entry is left.
    assert_eq!(set.len(), 1);
}

#[test]
fn an_insertion_after_a_clock_change_wakes_only_a_set_that_reports_changes() {
    for reports in [false, true] {
        let (simulated, mut set) = simulated(Clock::Realtime);
        set.report_clock_changes(reports).unwrap();
        set.insert_at(simulated.now(Clock::Realtime) + HOUR, ()).unwrap();
        set.insert_after(HOUR, ()).unwrap();
        simulated.set_realtime(simulated.now(Clock::Realtime) - HOUR).unwrap();
        set.insert_after(SECOND, ()).unwrap();
        assert_eq!(is_readable(&set), reports);
    }
}

#[test]
fn a_time_in_the_far_future_is_never() {
    let (simulated, mut set) = simulated(Clock::Monotonic);
    let time = |nanos| ClockTime::new(Clock::Monotonic, Duration::from_nanos(nanos));
    let key = set.insert_at(time(u64::MAX), ()).unwrap();
    assert_eq!(set.deadline(key), Some(time(i64::MAX as u64)));
    assert_eq!((set.next_deadline().unwrap(), simulated.next_expiration()), (None, None));
}

#[test]
fn a_timer_that_expires_during_a_drain_is_set_again_at_its_end() {
    let (simulated, mut set) = simulated(Clock::Realtime);
    set.insert_after(SECOND, 1).unwrap();
    let key = set.insert_after(SECOND * 2, 2).unwrap();
    set.report_clock_changes(true).unwrap();
    simulated.advance(SECOND);
    assert_eq!(set.next_expired().unwrap().unwrap().value, Some(1));
    // Sets the timer to the second entry, which then expires later.
    set.report_clock_changes(false).unwrap();
    set.rearm_after(key, HOUR).unwrap();
    simulated.advance(SECOND);
    assert!(is_readable(&set));
    assert!(set.next_expired().unwrap().is_none());
    assert!(!is_readable(&set));
}

#[test]
fn a_drain_processes_late_entries_on_both_clocks_by_how_late_they_are() {
    let (simulated, mut set) = simulated(Clock::Realtime);
    let now = simulated.now(Clock::Realtime);
    for seconds in 1..=3 {
        set.insert_at(now + SECOND * seconds, ("time", seconds)).unwrap();
        set.insert_after(SECOND * seconds, ("duration", seconds)).unwrap();
    }
    simulated.advance(HOUR);
    let expected = (1..=3).flat_map(|seconds| [("time", seconds), ("duration", seconds)]);
    assert_eq!(values(&mut set), expected.collect::<Vec<_>>());
}

#[test]
fn a_disarmed_entry_never_expires_until_it_is_rearmed() {
    let (clock, mut set) = simulated(Clock::Monotonic);
    let key = set.insert(&TimerSpec::disarmed(), ()).unwrap();
    assert_eq!((clock.next_expiration(), set.next_deadline().unwrap()), (None, None));
    clock.advance(HOUR);
    assert!(values(&mut set).is_empty());
    set.rearm_after(key, SECOND).unwrap();
    clock.advance(SECOND);
    assert_eq!(values(&mut set).len(), 1);
}
