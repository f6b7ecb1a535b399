//! A step back rolls back the unread expirations after the new time.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::errno::Errno;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

crate::cases![
    unread_expirations_are_rolled_back,
    gettime_and_settime_see_a_step_back,
    a_step_back_keeps_earlier_expirations_readable,
    expirations_reported_by_gettime_survive_a_step_back,
    gettime_commits_all_periods_up_to_now,
    the_longest_intervals_are_rolled_back,
    a_blocking_read_keeps_waiting_after_a_step_back,
    wait_keeps_its_timeout_after_a_step_back,
    a_raw_read_after_a_step_back,
];

/// Returns a timer with a period of ten minutes, first due at minute 9. It is minute 25: the timer
/// has expired at 9 and at 19, and is unread.
fn expired_twice(backend: &TestBackend, blocking: bool) -> TimerFd {
    let timer = if blocking { open_blocking(backend) } else { open(backend) };
    timer.set(&TimerSpec::at(backend.now(Clock::Realtime) + 9 * MINUTE).every(10 * MINUTE)).unwrap();
    backend.step_wall_clock(25 * 60);
    until_readable(&timer);
    timer
}

#[track_caller]
fn assert_minutes_left(timer: &TimerFd, most: u32) {
    let left = left(timer);
    assert!((most - 1) * MINUTE < left && left <= most * MINUTE, "{left:?}, not {most} minutes");
}

fn unread_expirations_are_rolled_back(backend: &TestBackend) {
    let timer = expired_twice(backend, false);
    backend.step_wall_clock(-20 * 60);
    assert_nothing_to_read(&timer);
    assert!(!is_readable(&timer));
    assert_minutes_left(&timer, 4);
    backend.step_wall_clock(30 * 60);
    assert_eq!(backend.wait(&timer).unwrap(), 3, "at 9, 19 and 29; it is 35");
    let timer = expired_twice(backend, false);
    backend.step_wall_clock(-10 * 60);
    assert_eq!(timer.read().unwrap(), 1, "at 9; it is 15");
    backend.step_wall_clock(7 * 60);
    assert_eq!(backend.wait(&timer).unwrap(), 1, "at 19 again; it is 22");
}

fn gettime_and_settime_see_a_step_back(backend: &TestBackend) {
    let timer = expired_twice(backend, false);
    backend.step_wall_clock(-20 * 60);
    assert_minutes_left(&timer, 4);
    assert!(!is_readable(&timer));
    let timer = expired_twice(backend, false);
    backend.step_wall_clock(-20 * 60);
    let left = crate::common::left(timer.replace(&TimerSpec::disarmed()).unwrap());
    assert!(3 * MINUTE < left && left <= 4 * MINUTE);
}

fn a_step_back_keeps_earlier_expirations_readable(backend: &TestBackend) {
    let timer = expired_twice(backend, false);
    backend.step_wall_clock(-10 * 60);
    timer.get().unwrap();
    assert!(is_readable(&timer), "one of the two is left: at 9; it is 15");
    assert_eq!(raw_read(&timer).unwrap(), 1);
    let timer = expired_twice(backend, false);
    backend.step_wall_clock(-20 * 60);
    timer.get().unwrap();
    backend.step_wall_clock(5 * 60);
    until_readable(&timer);
    assert_eq!(raw_read(&timer).unwrap(), 1, "at 9 again; it is 10");
}

fn expirations_reported_by_gettime_survive_a_step_back(backend: &TestBackend) {
    let timer = expired_twice(backend, false);
    timer.get().unwrap();
    backend.step_wall_clock(-20 * 60);
    assert_eq!(timer.read().unwrap(), 2);
    assert_minutes_left(&timer, 24);
}

fn gettime_commits_all_periods_up_to_now(backend: &TestBackend) {
    let timer = open(backend);
    timer.set(&TimerSpec::at(backend.now(Clock::Realtime) + 9 * MINUTE).every(10 * MINUTE)).unwrap();
    backend.step_wall_clock(10 * 60);
    until_readable(&timer);
    backend.step_wall_clock(15 * 60);
    assert_minutes_left(&timer, 4);
    backend.step_wall_clock(-20 * 60);
    assert_eq!(timer.read().unwrap(), 2, "at 9 and 19; it was 25 when get asked");
}

fn the_longest_intervals_are_rolled_back(backend: &TestBackend) {
    for years in [200, 240, u32::MAX] {
        let timer = open(backend);
        let interval = (365 * 24 * HOUR).saturating_mul(years);
        timer.set(&TimerSpec::at(backend.now(Clock::Realtime) + 9 * MINUTE).every(interval)).unwrap();
        backend.step_wall_clock(10 * 60);
        until_readable(&timer);
        backend.step_wall_clock(-20 * 60);
        assert_nothing_to_read(&timer);
        assert_minutes_left(&timer, 19);
    }
}

fn a_blocking_read_keeps_waiting_after_a_step_back(backend: &TestBackend) {
    let timer = expired_twice(backend, true);
    backend.step_wall_clock(-20 * 60);
    let first = backend.now(Clock::Realtime) + 4 * MINUTE;
    thread::scope(|scope| {
        let reader = scope.spawn(|| (timer.read().unwrap(), backend.now(Clock::Realtime)));
        backend.pass(Duration::from_millis(20));
        backend.step_wall_clock(5 * 60);
        let (count, time) = reader.join().unwrap();
        assert!(count == 1 && time >= first, "{count} at {time:?}, {first:?} was the first");
    });
}

fn wait_keeps_its_timeout_after_a_step_back(backend: &TestBackend) {
    for blocking in [false, true] {
        let timer = expired_twice(backend, blocking);
        backend.step_wall_clock(-20 * 60);
        let before = Clock::Monotonic.now().unwrap();
        let limit = Duration::from_millis(10);
        assert_eq!(timer.wait(Some(limit)).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(Clock::Monotonic.now().unwrap() >= before + limit);
    }
}

/// Linux returns no bytes, as at the end of a file, or `EAGAIN`; a pipe can do neither.
fn a_raw_read_after_a_step_back(backend: &TestBackend) {
    for blocking in [false, true] {
        let timer = expired_twice(backend, blocking);
        backend.step_wall_clock(-20 * 60);
        if backend.is_kernel() {
            let nothing = if blocking { Ok(0) } else { Err(Errno::EAGAIN) };
            assert_eq!(nix::unistd::read(&timer, &mut [0; 8]), nothing);
        } else {
            assert_eq!(raw_read(&timer).unwrap(), 2);
        }
        assert_eq!(timer.wait(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
