//! The backend that a time-dependent case tests: a backend of the table on the system's clocks, or
//! the simulated backend on a clock that the case advances, so that nothing waits.
// Each program uses only a part of this.
#![allow(dead_code)]

use crate::common::*;
use portable_timerfd::backends::simulated;
use portable_timerfd::{backends, Backend, Clock, ClockTime, CreateFlags, SimulatedClock, TimerFd};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[derive(Clone)]
pub struct TestBackend {
    pub inner: Backend,
    pub simulated: Option<SimulatedClock>,
}

/// A case: its name, and the function that tests one backend.
pub type Case = (&'static str, fn(&TestBackend));

impl TestBackend {
    pub fn real(backend: Backend) -> TestBackend {
        TestBackend { inner: backend, simulated: None }
    }

    pub fn simulated() -> TestBackend {
        TestBackend { inner: simulated::BACKEND, simulated: Some(SimulatedClock::new()) }
    }

    /// Returns a new instance for each backend.
    pub fn all() -> impl Iterator<Item = TestBackend> {
        backends::ALL.iter().copied().map(TestBackend::real).chain([TestBackend::simulated()])
    }

    pub fn name(&self) -> &'static str {
        self.inner.name()
    }

    /// Whether this system lacks the backend.
    pub fn is_missing(&self) -> bool {
        self.simulated.is_none() && is_missing(self.inner)
    }

    pub fn open(&self, clock: Clock, flags: CreateFlags) -> io::Result<TimerFd> {
        match &self.simulated {
            Some(simulated) => simulated.open(clock, flags).map(TimerFd::from),
            None => {
                let builder = TimerFd::builder(clock).backend(self.inner);
                builder.nonblocking(flags.nonblocking).close_on_exec(flags.close_on_exec).open()
            }
        }
    }

    pub fn open_on(&self, clock: Clock) -> TimerFd {
        self.open(clock, CreateFlags::default()).unwrap()
    }

    pub fn open_blocking(&self, clock: Clock) -> TimerFd {
        self.open(clock, CreateFlags::new().nonblocking(false)).unwrap()
    }

    pub fn now(&self, clock: Clock) -> ClockTime {
        match &self.simulated {
            Some(simulated) => simulated.now(clock),
            None => clock.now().unwrap(),
        }
    }

    /// Waits for this time; on a simulated clock, advances the clock.
    pub fn pass(&self, time: Duration) {
        match &self.simulated {
            Some(simulated) => simulated.advance(time),
            None => thread::sleep(time),
        }
    }

    /// Advances a simulated clock by the time that a call takes.
    pub fn pass_a_moment(&self) {
        const MOMENT: Duration = Duration::from_micros(7);
        self.simulated.iter().for_each(|simulated| simulated.advance(MOMENT));
    }

    /// Waits until the descriptor is readable, without a limit.
    pub fn until_readable(&self, fd: &impl std::os::fd::AsFd) {
        match &self.simulated {
            Some(simulated) => {
                while !is_readable(fd) {
                    simulated.advance_to_next().expect("nothing is armed, and nothing is readable");
                }
            }
            None => until_readable(fd),
        }
    }

    /// Waits for an expiration.
    pub fn wait(&self, timer: &TimerFd) -> io::Result<u64> {
        if self.simulated.is_none() {
            return timer.wait(None);
        }
        self.until_readable(timer);
        timer.wait(Some(Duration::ZERO))
    }

    /// Makes a call that waits, while time passes, and returns its result.
    pub fn while_time_passes<R>(&self, call: impl FnOnce() -> R) -> R {
        let Some(simulated) = &self.simulated else { return call() };
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    simulated.advance_to_next();
                    thread::yield_now();
                }
            });
            let result = call();
            is_over.store(true, Ordering::Relaxed);
            result
        })
    }

    /// Like `assert_counts_by_the_clock`, with the clock of this backend.
    #[track_caller]
    pub fn assert_counts(
        &self,
        clock: Clock,
        first: ClockTime,
        interval: Duration,
        count: impl FnOnce() -> u64,
    ) -> u64 {
        assert_counts_by(|| self.now(clock), first, interval, count)
    }
}
