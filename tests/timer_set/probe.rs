//! A timer that counts its calls, and that can be made to fail.

use portable_timerfd::{Clock, ClockTime, Pollable, SimulatedClock, Timer, TimerFd, TimerSpec};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Mutex;
use std::time::Duration;

#[derive(Debug)]
pub struct Probe {
    timer: TimerFd,
    pub sets: AtomicU64,
    pub reads: AtomicU64,
    pub clock_readings: AtomicU64,
    /// The number of calls that fail, after `succeeding` calls.
    pub failing: AtomicU64,
    pub succeeding: AtomicU64,
    /// Which of the next calls of `set` panics, after it has set the timer. It is counted from 1, and
    /// 0 means none.
    pub sets_until_panic: AtomicU64,
    /// What happens between the next readings of the steady clock and the calls that follow them.
    pub interruptions: Mutex<VecDeque<Interruption>>,
}

#[derive(Debug)]
pub enum Interruption {
    /// The wall clock is set.
    Step(SimulatedClock, ClockTime),
    /// Time passes.
    Pause(SimulatedClock, Duration),
}

impl Interruption {
    fn happen(self) {
        match self {
            Interruption::Step(clock, time) => clock.set_realtime(time).unwrap(),
            Interruption::Pause(clock, time) => clock.advance(time),
        }
    }
}

impl Probe {
    pub fn interrupt(&self, interruption: Interruption) {
        self.interruptions.lock().unwrap().push_back(interruption);
    }

    pub fn new(timer: impl Into<TimerFd>) -> Probe {
        Probe {
            timer: timer.into(),
            sets: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            clock_readings: AtomicU64::new(0),
            failing: AtomicU64::new(0),
            succeeding: AtomicU64::new(0),
            sets_until_panic: AtomicU64::new(0),
            interruptions: Mutex::default(),
        }
    }

    /// Returns the numbers of `set`s, reads and clock readings since the last call.
    pub fn take_counts(&self) -> [u64; 3] {
        [&self.sets, &self.reads, &self.clock_readings].map(|count| count.swap(0, Relaxed))
    }

    fn fails(&self) -> io::Result<()> {
        match (self.failing.load(Relaxed), self.succeeding.load(Relaxed)) {
            (0, _) => Ok(()),
            (_, after @ 1..) => {
                self.succeeding.store(after - 1, Relaxed);
                Ok(())
            }
            (many, 0) => {
                self.failing.store(many - 1, Relaxed);
                Err(io::Error::from_raw_os_error(nix::libc::ENOMEM))
            }
        }
    }

    fn panics(&self) {
        if count_down(&self.sets_until_panic) {
            panic!("a timer that panics");
        }
    }
}

/// Returns whether the counter gets to zero.
fn count_down(counter: &AtomicU64) -> bool {
    let before = counter.load(Relaxed);
    counter.store(before.saturating_sub(1), Relaxed);
    before == 1
}

impl Pollable for Probe {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timer.as_pollable()
    }
}

impl Timer for Probe {
    fn clock(&self) -> Clock {
        self.timer.clock()
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.fails()?;
        self.sets.fetch_add(1, Relaxed);
        let before = self.timer.replace(new);
        self.panics();
        before
    }

    fn get(&self) -> io::Result<TimerSpec> {
        self.timer.get()
    }

    fn read(&self) -> io::Result<u64> {
        self.reads.fetch_add(1, Relaxed);
        self.timer.read()
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.fails()?;
        self.clock_readings.fetch_add(1, Relaxed);
        let now = self.timer.now(clock);
        if clock != Clock::Realtime {
            let interruption = self.interruptions.lock().unwrap().pop_front();
            interruption.into_iter().for_each(|interruption| interruption.happen());
        }
        now
    }
}
