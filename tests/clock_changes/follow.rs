//! Timers that follow their clock: forwards, backwards, and through a suspend.

use crate::*;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::thread;

#[test]
fn absolute_times_follow_clock_steps_and_relative_times_do_not() {
    let _alone = alone();
    let (absolute, relative) = (open(), open());
    absolute.set(&TimerSpec::at(now() + 10 * SECOND).every(SECOND)).unwrap();
    relative.arm_after(HOUR).unwrap();
    step_wall_clock(2 * 3600);
    // The timer expired for ten seconds of these two hours, and then once per second.
    let count = absolute.wait(None).unwrap();
    assert!((7191..=7191 + 60).contains(&count), "{count}");
    assert!(left(&relative) > HOUR - 60 * SECOND);
    absolute.arm_at(now() + HOUR).unwrap();
    step_wall_clock(-3600);
    assert!(left(&absolute) > HOUR + 50 * 60 * SECOND);
}

/// A relative time of an alarm clock becomes an absolute one.
#[test]
fn relative_alarm_clock_times_follow_clock_steps() {
    let _alone = alone();
    let timer = match userspace_builder(Clock::RealtimeAlarm).open() {
        Err(e) if e.raw_os_error() == Some(nix::libc::EPERM) => return,
        timer => timer.unwrap(),
    };
    timer.arm_after(2 * HOUR).unwrap();
    step_wall_clock(3600);
    assert!(left(&timer) <= HOUR);
    step_wall_clock(3600);
    assert_eq!(timer.wait(None).unwrap(), 1);
}

/// Returns a timer with a period of ten minutes, first due at minute 9. It is minute 25: the timer
/// has expired at 9 and at 19, and is unread.
fn expired_twice(blocking: bool) -> TimerFd {
    let timer = if blocking { open_blocking() } else { open() };
    timer.set(&TimerSpec::at(now() + 9 * MINUTE).every(10 * MINUTE)).unwrap();
    step_wall_clock(25 * 60);
    until_readable(&timer);
    timer
}

/// Returns the remaining minutes, rounded up.
fn minutes_left(timer: &TimerFd) -> u64 {
    left(timer).as_secs() / 60 + 1
}

#[test]
fn a_step_back_rolls_back_unread_expirations() {
    let _alone = alone();
    let timer = expired_twice(false);
    step_wall_clock(-20 * 60);
    assert_nothing_to_read(&timer);
    assert!(!is_readable(&timer));
    assert!((1..=4).contains(&minutes_left(&timer)));
    step_wall_clock(30 * 60);
    assert_eq!(timer.read().unwrap(), 3, "at 9, 19 and 29; it is 35");
    let timer = expired_twice(false);
    step_wall_clock(-10 * 60);
    assert_eq!(timer.read().unwrap(), 1, "at 9; it is 15");
    step_wall_clock(7 * 60);
    assert_eq!(timer.read().unwrap(), 1, "at 19 again; it is 22");
}

#[test]
fn gettime_and_settime_see_a_backward_clock_step() {
    let _alone = alone();
    let timer = expired_twice(false);
    step_wall_clock(-20 * 60);
    assert!((1..=4).contains(&minutes_left(&timer)), "until 9; it is 5");
    assert!(!is_readable(&timer));
    let timer = expired_twice(false);
    step_wall_clock(-20 * 60);
    assert!(crate::common::left(timer.replace(&TimerSpec::disarmed()).unwrap()) <= 4 * MINUTE);
}

#[test]
fn a_step_back_keeps_earlier_expirations_and_later_ones_recur() {
    let _alone = alone();
    let timer = expired_twice(false);
    step_wall_clock(-10 * 60);
    timer.get().unwrap();
    assert!(is_readable(&timer), "one of the two is left: at 9; it is 15");
    assert_eq!(raw_read(&timer).unwrap(), 1);
    let timer = expired_twice(false);
    step_wall_clock(-20 * 60);
    timer.get().unwrap();
    step_wall_clock(5 * 60);
    until_readable(&timer); // due at minute 9 again; now it is minute 10
    assert_eq!(raw_read(&timer).unwrap(), 1);
}

#[test]
fn gettime_commits_periods_that_the_thread_has_not_counted() {
    let _alone = alone();
    let timer = open();
    timer.set(&TimerSpec::at(now() + 9 * MINUTE).every(10 * MINUTE)).unwrap();
    step_wall_clock(10 * 60);
    until_readable(&timer);
    step_wall_clock(15 * 60);
    assert!((1..=4).contains(&minutes_left(&timer)), "until 29; it is 25");
    step_wall_clock(-20 * 60);
    assert_eq!(timer.read().unwrap(), 2, "at 9 and 19");
}

#[test]
fn the_longest_intervals_are_rolled_back_too() {
    let _alone = alone();
    for years in [200, 240, u32::MAX] {
        let timer = open();
        timer.set(&TimerSpec::at(now() + 9 * MINUTE).every((365 * 24 * HOUR).saturating_mul(years))).unwrap();
        step_wall_clock(10 * 60);
        until_readable(&timer);
        step_wall_clock(-20 * 60);
        assert_nothing_to_read(&timer);
        assert!((1..=19).contains(&minutes_left(&timer)));
    }
}

#[test]
fn expirations_reported_by_gettime_survive_the_step_back() {
    let _alone = alone();
    let timer = expired_twice(false);
    left(&timer);
    step_wall_clock(-20 * 60);
    assert_eq!(timer.read().unwrap(), 2);
    assert!((15..=24).contains(&minutes_left(&timer)), "until 29; it is 5");
}

#[test]
fn an_expired_one_shot_timer_stays_expired_after_a_step_back() {
    let _alone = alone();
    let timer = open();
    timer.arm_at(now() + 9 * MINUTE).unwrap();
    step_wall_clock(10 * 60);
    until_readable(&timer);
    step_wall_clock(-20 * 60);
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
    assert_eq!(timer.read().unwrap(), 1);
    step_wall_clock(20 * 60);
    assert_nothing_to_read(&timer);
}

#[test]
fn a_step_back_behind_the_unread_count_keeps_a_blocking_read_waiting() {
    let _alone = alone();
    let timer = expired_twice(true);
    step_wall_clock(-20 * 60);
    let first = now() + 9 * MINUTE - 5 * MINUTE;
    thread::scope(|scope| {
        let reader = scope.spawn(|| (timer.read().unwrap(), now()));
        step_wall_clock(5 * 60);
        let (count, time) = reader.join().unwrap();
        assert!(count == 1 && time >= first, "{count} at {time:?}, {first:?} was the first");
    });
}

#[test]
fn a_step_back_behind_the_unread_count_keeps_the_timeout_of_wait() {
    let _alone = alone();
    for blocking in [false, true] {
        let timer = expired_twice(blocking);
        step_wall_clock(-20 * 60);
        assert_eq!(timer.wait(Some(SECOND / 100)).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    }
}

/// A raw read cannot see the step back: it returns what the thread counted when it last wrote.
#[test]
fn a_raw_read_returns_the_count_from_before_the_step_back() {
    let _alone = alone();
    let timer = expired_twice(false);
    step_wall_clock(-20 * 60);
    assert_eq!(raw_read(&timer).unwrap(), 2);
    assert_nothing_to_read(&timer);
}

#[test]
fn boottime_counts_a_suspend_and_monotonic_does_not() {
    let _alone = alone();
    let [boottime, monotonic, relative] = [Clock::Boottime, Clock::Monotonic, Clock::Realtime].map(open_on);
    let absolute = open();
    boottime.set(&TimerSpec::after(10 * SECOND).every(SECOND)).unwrap();
    absolute.set(&TimerSpec::at(now() + 10 * SECOND).every(SECOND)).unwrap();
    for timer in [&monotonic, &relative] {
        timer.arm_after(HOUR).unwrap();
    }
    suspend(7200);
    for timer in [&boottime, &absolute] {
        // The timer expired for ten seconds of these two hours, and then once per second. Only the
        // thread has processed it.
        until_readable(timer);
        let count = timer.read().unwrap();
        assert!((7191..=7191 + 60).contains(&count), "{count}");
    }
    for timer in [&monotonic, &relative] {
        assert!(left(timer) > HOUR - 60 * SECOND);
    }
}
