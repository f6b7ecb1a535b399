//! The wake-ahead of the thread in each mode, and the spin until the timer is due.

use crate::accuracy::Accuracy;
use crate::model::MODEL;
use crate::support::{counted_read, end, monotonic, now, ns, open_as, raw_read};
use crate::timer::Timer;
use shuttle::sync::Arc;

crate::cases![
    an_economical_timer_has_no_wake_ahead,
    the_thread_spins_for_a_precise_timer_and_is_not_early,
    spins_for_adaptive_timers_are_charged,
    spins_of_precise_timers_leave_the_adaptive_budget,
    an_earlier_timer_expires_first_during_a_spin,
    an_unread_count_causes_no_spin,
    a_postponed_or_disarmed_timer_causes_no_spin,
];

const MILLI: u64 = 1_000_000;

/// Advances the clocks up to this time, and lets the thread do its work.
fn until(time: u64) {
    MODEL.pass(time - now());
    MODEL.settle();
}

fn an_economical_timer_has_no_wake_ahead() {
    let timer = Arc::new(open_as(Accuracy::Economical));
    let due = now() + MILLI;
    timer.arm_at(monotonic(due)).unwrap();
    MODEL.settle();
    assert_eq!(MODEL.lock().sleeps_until(), Some(due));
    end(timer);
}

fn the_thread_spins_for_a_precise_timer_and_is_not_early() {
    let timer = Arc::new(open_as(Accuracy::Precise));
    let due = now() + MILLI;
    timer.arm_at(monotonic(due)).unwrap();
    MODEL.settle();
    let wake_up = MODEL.lock().sleeps_until().unwrap();
    assert!((100_000..=400_000).contains(&(due - wake_up)));
    for time in [wake_up, wake_up + 1, due - 1] {
        until(time);
        assert_eq!(raw_read(&timer), 0);
        assert_eq!(MODEL.lock().sleeps_until(), Some(due));
    }
    until(due);
    assert_eq!(raw_read(&timer), 1);
    end(timer);
}

/// Each wake-up takes longer than planned, by varying amounts.
fn spins_for_adaptive_timers_are_charged() {
    let timer = Arc::new(open_as(Accuracy::Adaptive));
    let begin = now();
    let (mut spun, mut leads) = (0, 0);
    for round in 0..120 {
        let due = now() + MILLI / 5;
        timer.arm_at(monotonic(due)).unwrap();
        MODEL.settle();
        let wake_up = MODEL.lock().sleeps_until().unwrap();
        leads += u64::from(wake_up < due);
        until(wake_up + round * 7_919 % 50_000);
        spun += due.saturating_sub(now());
        until(now().max(due));
        assert_eq!(counted_read(&timer), 1);
    }
    assert!(leads > 60, "it has a lead");
    // The budget saved before, the budget since then, and one more spin.
    assert!(spun <= MILLI + (now() - begin) / 100 + 50_000, "{spun}");
    end(timer);
}

/// Returns the wake-ahead of an adaptive timer that is due in a millisecond.
fn adaptive_wake_ahead() -> u64 {
    let timer = open_as(Accuracy::Adaptive);
    let due = now() + MILLI;
    timer.arm_at(monotonic(due)).unwrap();
    MODEL.settle();
    let wake_up = MODEL.lock().sleeps_until().unwrap();
    due - wake_up
}

/// The spins come to more than the whole budget. The wake-ahead shrinks slowly nevertheless,
/// because every wake-up is on time here.
fn spins_of_precise_timers_leave_the_adaptive_budget() {
    let before = adaptive_wake_ahead();
    let timer = Arc::new(open_as(Accuracy::Precise));
    let mut spun = 0;
    for _ in 0..20 {
        let due = now() + MILLI;
        timer.arm_at(monotonic(due)).unwrap();
        MODEL.settle();
        let wake_up = MODEL.lock().sleeps_until().unwrap();
        until(wake_up);
        spun += due - now();
        until(due);
        assert_eq!(counted_read(&timer), 1);
    }
    assert!(spun > 3 * MILLI / 2, "{spun}");
    let after = adaptive_wake_ahead();
    assert!(after > before / 2, "{after} after {before}");
    end(timer);
}

fn an_earlier_timer_expires_first_during_a_spin() {
    for &mode in Accuracy::ALL {
        let (held_for, earlier) = (open_as(Accuracy::Precise), Arc::new(open_as(mode)));
        let due = now() + MILLI;
        held_for.arm_at(monotonic(due)).unwrap();
        until(due - 50_000);
        earlier.arm_at(monotonic(due - 40_000)).unwrap();
        until(due - 40_000);
        assert_eq!((raw_read(&earlier), raw_read(&held_for)), (1, 0));
        until(due);
        assert_eq!(raw_read(&held_for), 1);
        drop(held_for);
        drop(earlier);
    }
    MODEL.end();
}

fn an_unread_count_causes_no_spin() {
    let timer = Arc::new(open_as(Accuracy::Precise));
    timer.arm_every(ns(10_000)).unwrap();
    for _ in 0..20 {
        MODEL.pass(10_000);
        MODEL.settle();
    }
    // The thread sleeps by now, and wakes for the next refresh exactly when it is due.
    let wake_up = MODEL.lock().sleeps_until().unwrap();
    until(wake_up - 1);
    assert_eq!(MODEL.lock().sleeps_until(), Some(wake_up));
    until(wake_up);
    assert_ne!(MODEL.lock().sleeps_until(), Some(wake_up));
    assert!(raw_read(&timer) > 20);
    end(timer);
}

fn a_postponed_or_disarmed_timer_causes_no_spin() {
    let timer = Arc::new(open_as(Accuracy::Precise));
    let due = now() + MILLI;
    timer.arm_at(monotonic(due)).unwrap();
    timer.arm_at(monotonic(due + MILLI)).unwrap();
    MODEL.settle();
    let wake_up = MODEL.lock().sleeps_until().unwrap();
    assert!(wake_up < due, "the wake-up is unchanged");
    until(wake_up);
    let wake_up = MODEL.lock().sleeps_until().unwrap();
    assert!((due + 1..due + MILLI).contains(&wake_up), "for a lead before the later time");
    timer.disarm().unwrap();
    until(wake_up);
    assert_eq!(MODEL.lock().sleeps_until(), Some(u64::MAX));
    assert_eq!(raw_read(&timer), 0);
    end(timer);
}
