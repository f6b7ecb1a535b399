//! Timers set once, a moment ahead: how late the loop is that waits for them.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Backend, Clock, Punctuality, Registered, Timer, TimerFd};
use std::sync::Arc;
use std::time::Duration;

/// One timer, in a loop of its own.
pub struct Shooter {
    timer: Registered<TimerFd>,
    poller: Arc<Poller>,
    events: Events,
    /// Nanoseconds of each shot.
    pub lateness: Vec<f64>,
}

impl Shooter {
    pub fn new(backend: &'static Backend, punctuality: Punctuality) -> Shooter {
        let poller = Arc::new(Poller::new().expect("a poller"));
        let timer = TimerFd::builder(Clock::Monotonic).backend(backend).punctuality(punctuality).open();
        let timer = Registered::new(&poller, timer.expect("a timer"), Event::readable(0), PollMode::Level);
        Shooter { timer: timer.expect("registered"), poller, events: Events::new(), lateness: Vec::new() }
    }

    /// One shot, so far ahead.
    pub fn shoot(&mut self, delay: Duration) {
        let due = now() + delay;
        self.timer.arm_at(due).expect("settime");
        self.events.clear();
        self.poller.wait(&mut self.events, None).expect("wait");
        let late = now().checked_sub(due).expect("never early");
        self.timer.read().expect("an expiration");
        self.lateness.push(late.as_nanos() as f64);
    }
}

pub fn now() -> Duration {
    Clock::Monotonic.now().expect("a clock")
}

/// Each of them in turn shoots so often, each time 0.2 to 2 ms ahead.
pub fn take_turns(shooters: &mut [Shooter], times: usize) {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..times {
        for shooter in &mut *shooters {
            shooter.shoot(Duration::from_micros(random.u64(200..2000)));
        }
    }
}
