//! What the tests use: an outbox on a simulated clock, with a host that performs its actions.

use outbox::{Action, Outbox, Timing};
use portable_timerfd::{Clock, ClockTime, Pollable, SimulatedClock, SimulatedTimer, Timer, TimerSpec};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

pub struct Simulation {
    pub clock: SimulatedClock,
    pub outbox: Outbox<SimulatedTimer>,
    /// Each action, and the time at which the host has performed it.
    pub log: Vec<(Duration, Action)>,
    /// Returns whether the peer answers the transmission with this number.
    pub answers: fn(u32) -> bool,
    transmissions: u32,
    begin: ClockTime,
}

impl Simulation {
    /// Creates an outbox on this clock, with a peer that never answers.
    pub fn new(of: Clock) -> Simulation {
        Simulation::with_timing(of, Timing::default())
    }

    pub fn with_timing(of: Clock, timing: Timing) -> Simulation {
        let clock = SimulatedClock::new();
        let outbox = Outbox::with_timer(clock.timer(of).unwrap(), timing).unwrap();
        let begin = clock.now(Clock::Monotonic);
        Simulation { clock, outbox, log: Vec::new(), answers: |_| false, transmissions: 0, begin }
    }

    /// Returns the time since the creation, without suspends.
    pub fn elapsed(&self) -> Duration {
        self.clock.now(Clock::Monotonic).saturating_duration_since(self.begin)
    }

    /// Lets time pass, and performs each action when it is due.
    pub fn run(&mut self, by: Duration) {
        let clock = self.clock.clone();
        clock.advance_through(by, || self.dispatch());
    }

    /// Performs the actions that are due.
    pub fn dispatch(&mut self) {
        while let Some(action) = self.outbox.dispatch().unwrap() {
            self.log.push((self.elapsed(), action.clone()));
            if let Action::Transmit { id, .. } = action {
                self.outbox.transmitted(id).unwrap();
                self.transmissions += 1;
                if (self.answers)(self.transmissions) {
                    assert!(self.outbox.acknowledged(id));
                }
            }
        }
    }

    /// Returns the actions since the last call, except heartbeats.
    pub fn take(&mut self) -> Vec<(Duration, Action)> {
        self.log.drain(..).filter(|(_, action)| *action != Action::Heartbeat).collect()
    }
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn transmit(id: u64, messages: &[&str]) -> Action {
    Action::Transmit { id, messages: messages.iter().map(ToString::to_string).collect() }
}

pub fn give_up(id: u64, messages: &[&str]) -> Action {
    Action::GiveUp { id, messages: messages.iter().map(ToString::to_string).collect() }
}

/// A simulated timer that cannot be set while the flag is set.
#[derive(Debug)]
pub struct FailingTimer {
    timer: SimulatedTimer,
    fails: Arc<AtomicBool>,
}

impl FailingTimer {
    pub fn new(clock: &SimulatedClock) -> (FailingTimer, Arc<AtomicBool>) {
        let fails = Arc::new(AtomicBool::new(false));
        (FailingTimer { timer: clock.timer(Clock::Monotonic).unwrap(), fails: Arc::clone(&fails) }, fails)
    }
}

impl Pollable for FailingTimer {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timer.as_pollable()
    }
}

impl Timer for FailingTimer {
    fn clock(&self) -> Clock {
        self.timer.clock()
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.timer.replace(new)
    }

    fn get(&self) -> io::Result<TimerSpec> {
        self.timer.get()
    }

    fn read(&self) -> io::Result<u64> {
        self.timer.read()
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.timer.now(clock)
    }
}
