//! What the cases share: timers of the wall clock, and what they say.

pub use crate::common::*;
pub use crate::machine::*;
use portable_timerfd::{Backend, Clock, Timer, TimerFd, TimerSpec};
use std::thread;
use std::time::Duration;

pub const ALARMS: [Clock; 2] = [Clock::RealtimeAlarm, Clock::BoottimeAlarm];

/// For where the two differ, as docs/parity.md says.
pub fn is_kernel(backend: &Backend) -> bool {
    backend.name() == "kernel"
}

/// A timer of the wall clock.
pub fn open(backend: &'static Backend) -> TimerFd {
    open_on(backend, Clock::Realtime)
}

pub fn open_blocking(backend: &'static Backend) -> TimerFd {
    TimerFd::builder(Clock::Realtime).backend(backend).nonblocking(false).open().unwrap()
}

/// To expire in an hour, with notice of steps.
pub fn in_an_hour() -> TimerSpec {
    TimerSpec::at(now() + HOUR).cancel_on_set()
}

/// A timer so set.
pub fn watching(backend: &'static Backend) -> TimerFd {
    let timer = open(backend);
    timer.settime(&in_an_hour()).unwrap();
    timer
}

#[track_caller]
pub fn left(timer: &TimerFd) -> Duration {
    crate::common::left(timer.gettime().unwrap())
}

/// A reader who waits is told of the step that comes meanwhile.
#[track_caller]
pub fn assert_told_while_waiting(timer: &TimerFd, meanwhile: impl FnOnce()) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| timer.read());
        // It waits by now, or begins to read after the step: told in either case.
        thread::sleep(Duration::from_millis(20));
        meanwhile();
        assert_canceled(reader.join().unwrap());
    });
}
