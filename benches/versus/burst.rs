//! Thousands of timers due at the same instant: how long until a loop has seen the last.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{backends, Backend, Registered, Timer, TimerFd};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::contest::percentile;
use super::shots::now;
use super::userspace::{open, ROWS};
use super::Request;

const CROWD: usize = 5_000;

pub fn run(request: &Request) {
    let name = format!("userspace.burst@{CROWD}/{}", backends::kernel::BACKEND.name());
    if !request.wants(&name) {
        return;
    }
    let mut crowds = ROWS.map(Crowd::new);
    let mut times = ROWS.map(|_| Vec::new());
    for _ in 0..request.rounds(50) {
        for (crowd, times) in crowds.iter_mut().zip(&mut times) {
            times.extend(crowd.burst());
        }
    }
    let [ours, others] = times.map(|times| percentile(times, 50.0));
    request.print(name, ours, Some(others), 3.0);
}

struct Crowd {
    timers: Vec<Registered<TimerFd>>,
    poller: Arc<Poller>,
    events: Events,
}

impl Crowd {
    fn new(row: &'static Backend) -> Crowd {
        let poller = Arc::new(Poller::new().expect("a poller"));
        let register = |key| Registered::new(&poller, open(row), Event::none(key), PollMode::Oneshot);
        let timers = (0..CROWD).map(|key| register(key).expect("registered")).collect();
        let events = Events::with_capacity(NonZeroUsize::new(CROWD).expect("some"));
        Crowd { timers, poller, events }
    }

    /// Nanoseconds from when all are due until the loop has seen each; none if it took too long to set them.
    fn burst(&mut self) -> Option<f64> {
        let due = now() + Duration::from_millis(30);
        for (key, timer) in self.timers.iter().enumerate() {
            timer.arm_at(due).expect("settime");
            timer.modify(Event::readable(key), PollMode::Oneshot).expect("modify");
        }
        let all_are_to_come = now() < due;
        let mut seen = 0;
        while seen < CROWD {
            self.events.clear();
            self.poller.wait(&mut self.events, None).expect("wait");
            seen += self.events.iter().count();
        }
        let took = now() - due;
        self.timers.iter().for_each(|timer| assert_eq!(timer.read().expect("an expiration"), 1));
        all_are_to_come.then_some(took.as_nanos() as f64)
    }
}
