//! What the cases share: timers of the wall clock, and what they say.

pub use crate::common::*;
pub use crate::machine::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, Timer, TimerFd, TimerSpec};
use std::thread;
use std::time::Duration;

pub const ALARMS: [Clock; 2] = [Clock::RealtimeAlarm, Clock::BoottimeAlarm];

impl TestBackend {
    /// For where the backends differ, as docs/parity.md says.
    pub fn is_kernel(&self) -> bool {
        self.name() == "kernel"
    }

    /// Steps the wall clock.
    pub fn step(&self, secs: i64) {
        match &self.simulated {
            Some(simulated) => simulated.set_realtime(moved(simulated.now(Clock::Realtime), secs)),
            None => step(secs),
        }
    }
}

/// A timer of the wall clock.
pub fn open(backend: &TestBackend) -> TimerFd {
    backend.open_on(Clock::Realtime)
}

pub fn open_blocking(backend: &TestBackend) -> TimerFd {
    backend.open_blocking(Clock::Realtime)
}

/// To expire in an hour, with notice of steps.
pub fn in_an_hour(backend: &TestBackend) -> TimerSpec {
    TimerSpec::at(backend.now(Clock::Realtime) + HOUR).cancel_on_set()
}

/// A timer so set.
pub fn watching(backend: &TestBackend) -> TimerFd {
    let timer = open(backend);
    timer.settime(&in_an_hour(backend)).unwrap();
    timer
}

#[track_caller]
pub fn left(timer: &TimerFd) -> Duration {
    crate::common::left(timer.gettime().unwrap())
}

/// A reader who waits is told of the step that comes meanwhile.
#[track_caller]
pub fn assert_told_while_waiting(backend: &TestBackend, timer: &TimerFd, meanwhile: impl FnOnce()) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| timer.read());
        // It waits by now, or begins to read after the step: told in either case.
        backend.pass(Duration::from_millis(20));
        meanwhile();
        assert_canceled(reader.join().unwrap());
    });
}
