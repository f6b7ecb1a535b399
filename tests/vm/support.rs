//! Helpers for the cases: timers of the wall clock and their results.

pub use crate::common::*;
pub use crate::machine::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::thread;
use std::time::Duration;

pub const ALARMS: [Clock; 2] = [Clock::RealtimeAlarm, Clock::BoottimeAlarm];

impl TestBackend {
    /// Whether this is the kernel backend, where the backends differ as docs/parity.md says.
    pub fn is_kernel(&self) -> bool {
        self.name() == "kernel"
    }

    /// Steps the wall clock.
    pub fn step_wall_clock(&self, secs: i64) {
        match &self.simulated {
            Some(simulated) => simulated.set_realtime(moved(simulated.now(Clock::Realtime), secs)).unwrap(),
            None => step_wall_clock(secs),
        }
    }
}

/// Opens a timer of the wall clock.
pub fn open(backend: &TestBackend) -> TimerFd {
    backend.open_on(Clock::Realtime)
}

pub fn open_blocking(backend: &TestBackend) -> TimerFd {
    backend.open_blocking(Clock::Realtime)
}

/// Returns a setting that is due in an hour, with `cancel_on_set`.
pub fn in_an_hour(backend: &TestBackend) -> TimerSpec {
    TimerSpec::at(backend.now(Clock::Realtime) + HOUR).cancel_on_set()
}

/// Opens a timer with the setting [`in_an_hour`].
pub fn watching(backend: &TestBackend) -> TimerFd {
    let timer = open(backend);
    timer.set(&in_an_hour(backend)).unwrap();
    timer
}

#[track_caller]
pub fn left(timer: &TimerFd) -> Duration {
    crate::common::left(timer.get().unwrap())
}

/// Asserts that a blocked reader gets `ECANCELED` for a clock step in `meanwhile`.
#[track_caller]
pub fn assert_ecanceled_while_waiting(backend: &TestBackend, timer: &TimerFd, meanwhile: impl FnOnce()) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| timer.read());
        // The reader blocks by now, or it begins to read after the clock step. Both reads must
        // fail.
        backend.pass(Duration::from_millis(20));
        meanwhile();
        assert_canceled(reader.join().unwrap());
    });
}
