//! A pipe that another opener has filled, so that it refuses writes: no count or cancellation is
//! lost.

use crate::common::*;
use crate::{open, realtime};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use portable_timerfd::{Clock, SimulatedClock, TimerFd, TimerSpec};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// Fills the pipe of the timer. The contents may be dropped.
fn fill(timer: &TimerFd) {
    let mut pipe = File::options().write(true).open(format!("/proc/self/fd/{}", timer.as_raw_fd())).unwrap();
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while pipe.write(&[0; 4096]).is_ok() {}
}

fn drain(timer: &TimerFd) {
    let mut reader = File::from(timer.as_fd().try_clone_to_owned().unwrap());
    while reader.read(&mut [0; 4096]).is_ok() {}
}

#[test]
fn a_count_refused_by_a_full_pipe_arrives_once_there_is_space() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    fill(&timer);
    timer.arm_after(SECOND).unwrap();
    assert_eq!(simulated.advance_to_next(), Some(SECOND));
    assert_eq!(simulated.advance_to_next(), Some(Duration::ZERO), "it is due, and not shown");
    simulated.advance_through(HOUR, || panic!("that is none on the way"));
    drain(&timer);
    assert_eq!(simulated.advance_to_next(), Some(Duration::ZERO));
    assert_eq!((raw_read(&timer).unwrap(), simulated.advance_to_next()), (1, None));
}

#[test]
fn a_clock_step_refused_by_a_full_pipe_is_reported_once_there_is_space() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Realtime);
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    fill(&timer);
    simulated.set_realtime(realtime(HOUR)).unwrap();
    drain(&timer);
    simulated.advance(SECOND);
    assert!(is_readable(&timer));
    assert_canceled(timer.read());
}

#[test]
fn a_step_back_keeps_a_count_refused_by_a_full_pipe() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Realtime);
    timer.arm_at(simulated.now(Clock::Realtime) + SECOND).unwrap();
    fill(&timer);
    simulated.advance(SECOND);
    simulated.set_realtime(simulated.now(Clock::Realtime) - HOUR).unwrap();
    drain(&timer);
    simulated.advance(SECOND);
    assert_eq!(raw_read(&timer).unwrap(), 1);
}
