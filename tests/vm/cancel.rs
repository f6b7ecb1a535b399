//! Who asked to be told of steps is told, once, and what becomes of the setting.

use crate::row::Row;
use crate::support::*;
use portable_timerfd::{Clock, Timer, TimerSpec};
use std::time::Duration;

crate::cases![
    a_step_makes_readable_and_is_told_once_and_the_setting_stays,
    several_steps_are_told_as_one,
    any_call_sees_a_step_at_once,
    a_disarmed_timer_is_told,
    a_step_before_the_setting_is_not_told,
    the_mark_means_something_for_absolute_times_of_the_wall_clock_only,
    settime_tells_of_a_step_and_arms_all_the_same,
    disarming_with_the_mark_leaves_a_step_to_be_told,
    a_setting_without_the_mark_comes_in_between,
    a_timer_that_had_expired_is_off_once_the_step_is_told,
    a_timer_that_was_asked_or_read_since_it_expired_stays_on,
    a_step_hides_what_had_expired,
];

fn a_step_makes_readable_and_is_told_once_and_the_setting_stays(row: &Row) {
    let timer = watching(row);
    assert!(!is_readable(&timer));
    for secs in [5, -20] {
        row.step(secs);
        // Nobody else looks at the userspace timer but its thread.
        until_readable(&timer);
        assert_canceled(timer.read());
        assert_nothing_to_read(&timer);
        assert!(!is_readable(&timer));
    }
    assert!(left(&timer) > HOUR && left(&timer) <= HOUR + 15 * SECOND);
    row.step(2 * 3600);
    assert_canceled(timer.read());
    assert!(watching(row).read().is_err(), "told to those who watched");
}

fn several_steps_are_told_as_one(row: &Row) {
    let timer = watching(row);
    for secs in [7, 8, -1] {
        row.step(secs);
        // So that each of them is seen.
        timer.gettime().unwrap();
        until_readable(&timer);
    }
    assert_canceled(timer.read());
    assert_nothing_to_read(&timer);
}

fn any_call_sees_a_step_at_once(row: &Row) {
    let timer = watching(row);
    row.step(5);
    assert_canceled(timer.read());
    row.step(5);
    assert_canceled(timer.try_read());
    row.step(5);
    assert_canceled(timer.wait(Some(Duration::ZERO)));
    row.step(5);
    timer.gettime().unwrap();
    assert!(is_readable(&timer), "gettime shows it, and tells nobody");
    assert_canceled(timer.settime(&in_an_hour(row)));
    row.step(5);
    timer.disarm().unwrap();
    assert_nothing_to_read(&timer);
}

fn a_disarmed_timer_is_told(row: &Row) {
    let timer = open(row);
    timer.settime(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    for _ in 0..2 {
        row.step(5);
        until_readable(&timer);
        assert_canceled(timer.read());
        assert_nothing_to_read(&timer);
    }
    assert_eq!(timer.gettime().unwrap(), TimerSpec::disarmed());
}

fn a_step_before_the_setting_is_not_told(row: &Row) {
    let timer = open(row);
    row.step(5);
    timer.settime(&in_an_hour(row)).unwrap();
    assert_nothing_to_read(&timer);
}

fn the_mark_means_something_for_absolute_times_of_the_wall_clock_only(row: &Row) {
    let marked = |clock, spec: TimerSpec| {
        let timer = row.open_on(clock);
        timer.settime(&spec.cancel_on_set()).unwrap();
        timer
    };
    let relative = Clock::ALL.map(|clock| marked(clock, TimerSpec::after(10 * HOUR)));
    let other = [Clock::Monotonic, Clock::Boottime, Clock::BoottimeAlarm]
        .map(|clock| marked(clock, TimerSpec::at(row.now(clock) + HOUR)));
    let alarm = marked(Clock::RealtimeAlarm, TimerSpec::at(row.now(Clock::Realtime) + HOUR));
    row.step(5);
    until_readable(&alarm);
    assert_canceled(alarm.read());
    // Whoever was to be told has been.
    relative.iter().chain(&other).for_each(assert_nothing_to_read);
}

fn settime_tells_of_a_step_and_arms_all_the_same(row: &Row) {
    for past in [false, true] {
        let timer = watching(row);
        row.step(5);
        let time = if past { row.now(Clock::Realtime) } else { row.now(Clock::Realtime) + Duration::from_millis(5) };
        assert_canceled(timer.settime(&TimerSpec::at(time).cancel_on_set()));
        assert_eq!(row.wait(&timer).unwrap(), 1);
    }
    let timer = watching(row);
    row.step(5);
    assert_canceled(timer.settime(&in_an_hour(row)));
    assert!(left(&timer) <= HOUR);
    assert!(!is_readable(&timer), "it has been told");
    assert_nothing_to_read(&timer);
}

fn disarming_with_the_mark_leaves_a_step_to_be_told(row: &Row) {
    let timer = watching(row);
    row.step(5);
    timer.settime(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    assert!(!is_readable(&timer));
    assert_canceled(timer.read());
    assert_nothing_to_read(&timer);
}

/// The kernel remembers the step until the next setting with the mark; ours forgets it.
fn a_setting_without_the_mark_comes_in_between(row: &Row) {
    let timer = watching(row);
    row.step(5);
    timer.arm_at(row.now(Clock::Realtime) + HOUR).unwrap();
    assert_nothing_to_read(&timer);
    let again = timer.settime(&in_an_hour(row));
    if row.is_kernel() {
        assert_canceled(again);
    } else {
        again.unwrap();
    }
    assert_nothing_to_read(&timer);
    assert!(left(&timer) <= HOUR);
}

fn a_timer_that_had_expired_is_off_once_the_step_is_told(row: &Row) {
    let timer = open(row);
    timer.settime(&TimerSpec::at(row.now(Clock::Realtime)).every(SECOND).cancel_on_set()).unwrap();
    until_readable(&timer);
    row.step(5);
    assert_canceled(timer.read());
    assert_eq!(timer.gettime().unwrap(), TimerSpec::disarmed().every(SECOND));
    row.pass(SECOND);
    assert_nothing_to_read(&timer);
}

fn a_timer_that_was_asked_or_read_since_it_expired_stays_on(row: &Row) {
    let settle: [fn(&portable_timerfd::TimerFd); 3] = [
        |timer| assert!(timer.gettime().unwrap().is_armed()),
        |timer| assert_eq!(timer.read().unwrap(), 1),
        |timer| assert_eq!(raw_read(timer).unwrap(), 1),
    ];
    for settle in settle {
        let timer = open(row);
        timer.settime(&TimerSpec::at(row.now(Clock::Realtime)).every(HOUR).cancel_on_set()).unwrap();
        until_readable(&timer);
        settle(&timer);
        row.step(5);
        assert_canceled(timer.read());
        assert!(left(&timer) > HOUR / 2);
        row.step(3600);
        assert_canceled(timer.read());
    }
}

/// One error, in place of the count.
fn a_step_hides_what_had_expired(row: &Row) {
    let timer = open(row);
    timer.settime(&TimerSpec::at(row.now(Clock::Realtime)).cancel_on_set()).unwrap();
    until_readable(&timer);
    row.step(5);
    assert_canceled(row.wait(&timer));
    assert_nothing_to_read(&timer);
}
