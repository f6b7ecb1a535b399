//! What it takes until a loop has been told of each of many timers that are due at the same instant.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{polling, Backend, Registered, Timer, TimerFd};
use std::sync::Arc;
use std::time::Duration;

use crate::contest::percentile;
use crate::rows::{now, open};

/// Timers in one loop.
struct Company {
    poller: Arc<Poller>,
    events: Events,
    timers: Vec<Registered<TimerFd>>,
    /// How far ahead they are set: long enough to set them all.
    ahead: Duration,
}

/// For each row, the median of the nanoseconds that each of so many timers takes.
pub fn medians(rows: &[&'static Backend], many: usize, rounds: usize) -> Vec<f64> {
    let mut companies: Vec<Company> = rows.iter().map(|row| Company::new(row, many)).collect();
    let mut times = vec![Vec::new(); rows.len()];
    for round in 0..=rounds {
        for turn in 0..rows.len() {
            let who = (round + turn) % rows.len();
            let time = companies[who].expire().as_nanos() as f64 / many as f64;
            // The first is for warming up.
            if round > 0 {
                times[who].push(time);
            }
        }
    }
    times.into_iter().map(|times| percentile(times, 50.0)).collect()
}

impl Company {
    fn new(row: &'static Backend, many: usize) -> Company {
        let poller = Arc::new(Poller::new().expect("a poller"));
        // Each is told of once, whether it is read or not.
        let mode = if poller.supports_edge() { PollMode::Edge } else { PollMode::Level };
        let timers = (0..many)
            .map(|key| Registered::new(&poller, open(row), Event::readable(key), mode).expect("registered"))
            .collect();
        Company { poller, events: Events::new(), timers, ahead: Duration::from_millis(3) }
    }

    /// How long after the instant the loop has been told of all.
    fn expire(&mut self) -> Duration {
        let due = self.arm();
        let mut is_told = vec![false; self.timers.len()];
        let mut missing = self.timers.len();
        while missing > 0 {
            self.events.clear();
            self.poller.wait(&mut self.events, None).expect("wait");
            for event in self.events.iter() {
                missing -= usize::from(!std::mem::replace(&mut is_told[event.key], true));
            }
        }
        now() - due
    }

    /// Sets all to one instant, and is done before it has come.
    fn arm(&mut self) -> Duration {
        loop {
            let due = now() + self.ahead;
            for timer in &self.timers {
                timer.arm_at(due).expect("settime");
            }
            if now() < due {
                return due;
            }
            self.ahead *= 2;
        }
    }
}
