//! Thousands of timers at once.

use crate::common::backends_here;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::{Backend, Clock, ClockTime, TimerFd};
use std::time::Duration;

crate::cases![
    every:
        thousands_of_timers_expire_at_one_instant,
        thousands_of_timers_expire_one_after_another;
];

/// Opens 5,000 timers on each backend, or as many as the descriptor limit allows.
fn crowds() -> impl Iterator<Item = Vec<TimerFd>> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let size = hard.saturating_sub(100).min(10_000) / 2;
    let open = |backend: Backend| TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap();
    backends_here().map(move |backend| (0..size).map(|_| open(backend)).collect())
}

fn now() -> ClockTime {
    Clock::Monotonic.now().unwrap()
}

fn thousands_of_timers_expire_at_one_instant() {
    for timers in crowds() {
        let goal = now() + Duration::from_millis(50);
        for timer in &timers {
            timer.arm_at(goal).unwrap();
        }
        for timer in &timers {
            assert_eq!(timer.wait(None).unwrap(), 1);
            assert!(now() >= goal);
        }
        assert!(timers.iter().all(|timer| timer.read().is_err()), "nothing came twice");
    }
}

fn thousands_of_timers_expire_one_after_another() {
    for timers in crowds() {
        let start = now();
        let goal = |n: usize| start + Duration::from_micros(n as u64 * 7919 % 100_000);
        for (n, timer) in timers.iter().enumerate() {
            timer.arm_after(Duration::from_secs(3600)).unwrap();
            timer.arm_at(goal(n)).unwrap();
        }
        for (n, timer) in timers.iter().enumerate() {
            assert_eq!(timer.wait(None).unwrap(), 1);
            assert!(now() >= goal(n));
        }
    }
}
