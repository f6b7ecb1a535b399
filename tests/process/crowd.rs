//! Thousands of timers at once.

use crate::common::backends_here;
use nix::libc;
use nix::sys::resource::{getrlimit, rlim_t, setrlimit, Resource};
use portable_timerfd::{Backend, Clock, ClockTime, TimerFd};
use std::time::Duration;

crate::cases![
    every:
        thousands_of_timers_expire_at_one_instant,
        thousands_of_timers_expire_one_after_another;
];

/// The number of timers if the system allows it, and the least number that makes a crowd.
const MOST: usize = 5_000;
const LEAST: usize = 300;

/// Opens 5,000 timers on each backend, or as many as the system allows. The limits of systems
/// differ: descriptors of a process or of the system, memory for pipes.
fn crowds() -> impl Iterator<Item = Vec<TimerFd>> {
    raise_descriptor_limit();
    backends_here().map(crowd)
}

/// Allows this process as many descriptors as a crowd of timers needs, if the system does.
pub fn raise_descriptor_limit() {
    /// The most that macOS allows a process, although it may report no limit.
    const ENOUGH: rlim_t = 10_240;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(ENOUGH), hard).unwrap();
}

fn crowd(backend: Backend) -> Vec<TimerFd> {
    let open = || TimerFd::builder(Clock::Monotonic).backend(backend).open();
    let mut timers = Vec::new();
    while timers.len() < MOST {
        match open() {
            Ok(timer) => timers.push(timer),
            Err(refusal) => {
                let number = refusal.raw_os_error();
                assert!([libc::EMFILE, libc::ENFILE, libc::ENOMEM].map(Some).contains(&number), "{refusal}");
                // Leaves some for the other programs of this system.
                timers.truncate(timers.len() * 9 / 10);
                break;
            }
        }
    }
    assert!(timers.len() >= LEAST, "this system allows only {} timers", timers.len());
    timers
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
