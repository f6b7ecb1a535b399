//! Plays random scripts on the simulated backend and on a model of `fs/timerfd.c`, call by call.
//! All results are compared exactly.
//!
//! `SIMULATED_SCRIPTS=1000000 cargo test --release --test simulated model` makes a long run.

#[path = "../model_based/kernel.rs"]
mod kernel;
#[path = "../model_based/script.rs"]
mod script;

use crate::common::{is_readable, raw_read};
use crate::random::{number_from_env, play_many};
use crate::realtime;
use kernel::{Setting, Timerfd};
use portable_timerfd::{Clock, Initial, SimulatedClock, TimerFd, TimerSpec};
use script::{script, First, Op, Script};
use std::io;
use std::time::Duration;

/// The result of a call, to be compared.
type Outcome = Result<Option<u64>, i32>;

struct Comparison {
    clock: Clock,
    simulated: SimulatedClock,
    ours: TimerFd,
    linux: Timerfd,
    runs_on: Clock,
    /// Whether a raw read may return periods from before a step back.
    is_behind: bool,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

fn outcome<T>(result: io::Result<T>, value: impl FnOnce(T) -> Option<u64>) -> Outcome {
    result.map(value).map_err(|e| e.raw_os_error().unwrap())
}

fn left(spec: TimerSpec) -> Option<u64> {
    match spec.initial() {
        Initial::After(left) => Some(nanos(left)),
        _ => None,
    }
}

impl Comparison {
    fn new(clock: Clock) -> Comparison {
        let simulated = SimulatedClock::new();
        let ours = crate::open(&simulated, clock);
        Comparison {
            clock,
            simulated,
            ours,
            linux: Timerfd::default(),
            runs_on: clock.without_alarm(),
            is_behind: false,
        }
    }

    fn time(&self, clock: Clock) -> u64 {
        nanos(self.simulated.now(clock).since_zero())
    }

    fn now(&self) -> u64 {
        self.time(self.runs_on)
    }

    /// Plays an operation; returns the results of the simulated backend and of Linux.
    fn play(&mut self, op: Op) -> (Outcome, Outcome) {
        match op {
            Op::Settime { first, interval, cancel_on_set } => return self.settime(first, interval, cancel_on_set),
            Op::Gettime => {
                self.is_behind = false;
                return (outcome(self.ours.get(), left), Ok(self.linux.gettime(self.now())));
            }
            Op::Read => {
                self.is_behind = false;
                return (outcome(self.ours.read(), Some), self.linux.read(self.now()).map(Some));
            }
            // A raw read can see neither a cancellation nor a step back.
            Op::RawRead if !self.linux.is_canceled() && !self.is_behind => {
                let ours = raw_read(&self.ours).unwrap_or(0);
                return (Ok(Some(ours)), Ok(Some(self.linux.read(self.now()).unwrap_or(0))));
            }
            Op::Poll => {
                let (ours, linux) = (is_readable(&self.ours), self.linux.is_readable());
                return (Ok(Some(ours.into())), Ok(Some(linux.into())));
            }
            Op::Pass(nanos) => {
                self.simulated.advance(Duration::from_nanos(nanos));
                self.linux.fire(self.now());
            }
            Op::Step(nanos) => {
                let to = self.time(Clock::Realtime).saturating_add_signed(nanos);
                self.simulated.set_realtime(realtime(Duration::from_nanos(to))).unwrap();
                self.clock_was_set();
                self.is_behind |= nanos < 0;
            }
            // An alarm may end the suspend before it has begun.
            Op::Suspend(nanos) if !self.simulated.suspend(Duration::from_nanos(nanos)).is_zero() => {
                self.clock_was_set()
            }
            Op::Suspend(_) | Op::RawRead | Op::RefuseWrites => {}
        }
        (Ok(None), Ok(None))
    }

    fn clock_was_set(&mut self) {
        if self.clock.without_alarm() == Clock::Realtime {
            self.linux.clock_was_set(self.now());
        }
        self.linux.fire(self.now());
    }

    fn settime(&mut self, first: First, interval: u64, cancel_on_set: bool) -> (Outcome, Outcome) {
        self.is_behind = false;
        let spec = first.spec(interval, cancel_on_set, self.simulated.now(self.clock));
        let ours = outcome(self.ours.replace(&spec), left);
        let now_of_old = self.now();
        self.runs_on = first.runs_on(self.clock);
        let now = self.now();
        let first = first.expiration(now);
        let might_cancel = self.clock.without_alarm() == Clock::Realtime && spec.is_canceled_by_clock_change();
        (ours, self.linux.settime(Setting { first, interval, might_cancel }, now_of_old, now))
    }
}

fn play(script: &Script) -> Result<(), String> {
    let mut comparison = Comparison::new(script.clock);
    let mut log = String::new();
    for op in &script.ops {
        let (ours, linux) = comparison.play(*op);
        log += &format!("    {} {op:?}: {ours:?}\n", comparison.now());
        if ours != linux {
            return Err(format!("Linux gives {linux:?} at last:\n{log}{:?}", comparison.linux));
        }
    }
    Ok(())
}

#[test]
fn scripts_match_the_model_of_linux() {
    play_many(&script(), number_from_env("SIMULATED_SCRIPTS", 1_000), play);
}
