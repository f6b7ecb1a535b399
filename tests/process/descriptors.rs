//! The emulation's descriptors: closed on exec, never leaked.

use crate::common::backends_here;
use crate::common::descriptors;
use crate::userspace;
use nix::libc;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::{backends, Clock, TimerFd};
use std::time::Duration;

crate::cases![
    every:
        dropping_armed_timers_leaves_no_descriptor;
    userspace:
        descriptors_are_closed_on_exec,
        at_the_descriptor_limit_creation_fails_and_leaks_nothing;
];

fn descriptors_are_closed_on_exec() {
    let before = descriptors();
    let timers: Vec<_> = (0..5).map(|_| userspace()).collect();
    timers[0].arm_after(Duration::from_millis(1)).unwrap();
    timers[0].wait(None).unwrap();
    let made: Vec<i32> = descriptors().difference(&before).copied().collect();
    assert_eq!(made.len(), 10, "two for each timer");
    for number in made {
        // SAFETY: asking for flags touches no memory.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "descriptor {number} would be inherited");
    }
}

fn dropping_armed_timers_leaves_no_descriptor() {
    let before = descriptors();
    for backend in backends_here() {
        for _ in 0..20 {
            let timers: Vec<TimerFd> =
                (0..50).map(|_| TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap()).collect();
            for (round, timer) in timers.iter().enumerate() {
                timer.arm_every(Duration::from_micros(50 + round as u64)).unwrap();
            }
        }
        for &clock in Clock::ALL {
            // The system may lack some clocks.
            let _ = backend.capabilities(clock);
        }
        assert_eq!(descriptors(), before, "{}", backend.name());
    }
}

fn at_the_descriptor_limit_creation_fails_and_leaks_nothing() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 32, hard).unwrap();
    let backend = backends::userspace::BACKEND;
    for _ in 0..3 {
        let mut timers = vec![userspace()];
        let refusal = loop {
            match TimerFd::builder(Clock::Monotonic).backend(backend).open() {
                Ok(timer) => timers.push(timer),
                Err(e) => break e,
            }
        };
        assert_eq!(refusal.raw_os_error(), Some(libc::EMFILE));
        timers.truncate(2);
        let before = descriptors().len();
        timers.push(userspace());
        assert_eq!(descriptors().len(), before + 2, "a timer has two descriptors");
        timers.pop();
        assert_eq!(descriptors().len(), before);
        timers[0].arm_after(Duration::from_millis(1)).unwrap();
        assert_eq!(timers[0].wait(None).unwrap(), 1);
    }
}
