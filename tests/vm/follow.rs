//! Absolute times of the wall clock follow clock steps; other times do not.

use crate::support::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, TimerSpec};
use std::thread;
use std::time::Duration;

crate::cases![
    absolute_times_follow_a_step_forwards_and_count_all_periods,
    absolute_times_follow_a_step_backwards,
    a_step_back_makes_no_timer_early,
    relative_times_and_other_clocks_do_not_follow,
    relative_alarm_clock_times_follow_clock_steps,
    a_blocked_reader_wakes_on_a_step_past_the_time,
    an_expired_one_shot_timer_stays_expired,
];

fn absolute_times_follow_a_step_forwards_and_count_all_periods(backend: &TestBackend) {
    let timer = open(backend);
    let first = backend.now(Clock::Realtime) + 10 * SECOND;
    timer.set(&TimerSpec::at(first).every(SECOND)).unwrap();
    assert_nothing_to_read(&timer);
    backend.step_wall_clock(2 * 3600);
    let count = backend.assert_counts(Clock::Realtime, first, SECOND, || backend.wait(&timer).unwrap());
    assert!(count >= 7191, "ten seconds in two hours, and then one a second, not {count}");
    assert!(left(&timer) <= SECOND);
}

fn absolute_times_follow_a_step_backwards(backend: &TestBackend) {
    let timer = open(backend);
    timer.arm_at(backend.now(Clock::Realtime) + HOUR).unwrap();
    backend.step_wall_clock(-3600);
    assert!((HOUR + 50 * MINUTE..=2 * HOUR).contains(&left(&timer)));
    backend.step_wall_clock(2 * 3600);
    assert_eq!(backend.wait(&timer).unwrap(), 1);
}

fn a_step_back_makes_no_timer_early(backend: &TestBackend) {
    let timer = open(backend);
    // This is long enough for the thread that will wake the timer to fall asleep.
    for before in [Duration::ZERO, Duration::from_millis(50)] {
        loop {
            let time = backend.now(Clock::Realtime) + 4 * before + Duration::from_millis(50);
            timer.arm_at(time).unwrap();
            backend.pass(before);
            backend.step_wall_clock(-1);
            let was_in_time = backend.now(Clock::Realtime) + SECOND < time;
            assert_eq!(backend.wait(&timer).unwrap(), 1);
            if was_in_time {
                assert!(backend.now(Clock::Realtime) >= time);
                break;
            }
        }
    }
}

fn relative_times_and_other_clocks_do_not_follow(backend: &TestBackend) {
    let timers = [Clock::Realtime, Clock::Monotonic, Clock::Boottime, Clock::BoottimeAlarm].map(|clock| {
        let timer = backend.open_on(clock);
        timer.arm_after(HOUR).unwrap();
        timer
    });
    let absolute = [Clock::Monotonic, Clock::Boottime, Clock::BoottimeAlarm].map(|clock| {
        let timer = backend.open_on(clock);
        timer.arm_at(backend.now(clock) + HOUR).unwrap();
        timer
    });
    for secs in [7200, -2 * 7200, 7200] {
        backend.step_wall_clock(secs);
        for timer in timers.iter().chain(&absolute) {
            assert!((50 * MINUTE..=HOUR).contains(&left(timer)), "{:?}", timer.clock());
            assert_nothing_to_read(timer);
        }
    }
}

/// A relative time of an alarm clock becomes an absolute one.
fn relative_alarm_clock_times_follow_clock_steps(backend: &TestBackend) {
    let timer = backend.open_on(Clock::RealtimeAlarm);
    timer.arm_after(2 * HOUR).unwrap();
    backend.step_wall_clock(3600);
    assert!(left(&timer) <= HOUR);
    backend.step_wall_clock(-3600);
    assert!(left(&timer) > HOUR);
    backend.step_wall_clock(2 * 3600);
    assert_eq!(backend.wait(&timer).unwrap(), 1);
}

fn a_blocked_reader_wakes_on_a_step_past_the_time(backend: &TestBackend) {
    let (read, polled) = (open_blocking(backend), open(backend));
    let first = backend.now(Clock::Realtime) + HOUR;
    for timer in [&read, &polled] {
        timer.set(&TimerSpec::at(first).every(MINUTE)).unwrap();
    }
    thread::scope(|scope| {
        let reader = scope.spawn(|| backend.assert_counts(Clock::Realtime, first, MINUTE, || read.read().unwrap()));
        let poller = scope.spawn(|| until_readable(&polled));
        // By then the userspace thread has done its work for earlier timers, so nothing else wakes
        // it.
        backend.pass(SECOND + SECOND / 2);
        backend.step_wall_clock(2 * 3600);
        assert!(reader.join().unwrap() > 60);
        poller.join().unwrap();
    });
}

fn an_expired_one_shot_timer_stays_expired(backend: &TestBackend) {
    let timer = open(backend);
    timer.arm_at(backend.now(Clock::Realtime) + 9 * MINUTE).unwrap();
    backend.step_wall_clock(10 * 60);
    until_readable(&timer);
    backend.step_wall_clock(-20 * 60);
    let reported = timer.get().unwrap();
    if backend.is_kernel() {
        assert!(reported.is_armed(), "Linux reports the time it had, though it will not expire then");
    } else {
        assert_eq!(reported, TimerSpec::disarmed());
    }
    assert_eq!(timer.read().unwrap(), 1);
    backend.step_wall_clock(20 * 60);
    // If the userspace thread reads the clocks, it does so within 250 ms.
    backend.pass(Duration::from_millis(300));
    assert_nothing_to_read(&timer);
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
}
