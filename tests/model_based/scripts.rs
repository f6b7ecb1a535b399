//! Plays random scripts on the emulation and on a model of Linux, operation by operation. The
//! clocks do not advance between the operations, so all results are compared exactly.
//!
//! `MODEL_SCRIPTS=1000000 cargo test --release --test model_based scripts` makes a long run.

use crate::backends::sys::fd;
use crate::backends::userspace::UserspaceTimer;
use crate::kernel::{Setting, Timerfd};
use crate::model::MODEL;
use crate::runs::run;
use crate::script::{script, First, Op, Script};
use crate::support::{ns, open_on, raw_read};
use crate::timer::Timer;
use crate::{Clock, Initial, TimerSpec};
use shuttle::scheduler::RandomScheduler;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

/// The longest back-off of an unread count.
const LONGEST_BACK_OFF: u64 = 10_000_000;

/// The two timers, and the facts that the comparison needs.
struct Comparison {
    clock: Clock,
    ours: UserspaceTimer,
    linux: Timerfd,
    runs_on: Clock,
    /// Whether a raw read may return periods from before a step back.
    is_behind: bool,
    /// Whether the thread may not know that the count was read.
    is_unseen: bool,
    /// A timer that makes the timer thread run.
    caller: UserspaceTimer,
}

/// The result of a call, to be compared.
type Outcome = Result<Option<u64>, i32>;

fn outcome<T>(result: std::io::Result<T>, value: impl FnOnce(T) -> Option<u64>) -> Outcome {
    result.map(value).map_err(|e| e.raw_os_error().unwrap())
}

fn left(spec: TimerSpec) -> Option<u64> {
    match spec.initial() {
        Initial::After(left) => Some(u64::try_from(left.as_nanos()).unwrap()),
        _ => None,
    }
}

impl Comparison {
    fn new(clock: Clock) -> Comparison {
        Comparison {
            clock,
            ours: open_on(clock, true),
            linux: Timerfd::default(),
            runs_on: clock.without_alarm(),
            is_behind: false,
            is_unseen: false,
            caller: open_on(Clock::Monotonic, true),
        }
    }

    fn now(&self) -> u64 {
        MODEL.time(self.runs_on)
    }

    /// Plays an operation; returns the results of the emulation and of Linux.
    fn play(&mut self, op: Op) -> (Outcome, Outcome) {
        const NOTHING: (Outcome, Outcome) = (Ok(None), Ok(None));
        match op {
            Op::Settime { first, interval, cancel_on_set } => return self.settime(first, interval, cancel_on_set),
            Op::Gettime => {
                self.is_behind = false;
                return (outcome(self.ours.get(), left), Ok(self.linux.gettime(self.now())));
            }
            Op::Read => {
                (self.is_behind, self.is_unseen) = (false, false);
                return (outcome(self.ours.read(), Some), self.linux.read(self.now()).map(Some));
            }
            Op::RawRead => return self.raw_read(),
            Op::Poll => {
                self.refresh();
                let ours = fd::is_readable(self.ours.as_fd());
                return (Ok(Some(ours.into())), Ok(Some(self.linux.is_readable().into())));
            }
            Op::RefuseWrites => MODEL.lock().refuses_writes = true,
            Op::Pass(nanos) => self.pass(nanos),
            Op::Step(nanos) => {
                self.catch_up();
                MODEL.step_wall_clock(nanos);
                self.clock_was_set(nanos > 0);
            }
            Op::Suspend(nanos) => {
                self.catch_up();
                MODEL.suspend(nanos);
                self.clock_was_set(true);
            }
        }
        NOTHING
    }

    fn play_all(&mut self, ops: &[Op]) -> Result<(), String> {
        let mut log = String::new();
        for op in ops {
            let (ours, linux) = self.play(*op);
            log += &format!("    {} {op:?}: {ours:?}\n", self.now());
            if ours != linux {
                return Err(format!("Linux gives {linux:?} at last:\n{log}{:?}", self.linux));
            }
        }
        Ok(())
    }

    fn settime(&mut self, first: First, interval: u64, cancel_on_set: bool) -> (Outcome, Outcome) {
        (self.is_behind, self.is_unseen) = (false, false);
        let spec = first.spec(interval, cancel_on_set, self.clock.now().unwrap());
        let ours = outcome(self.ours.replace(&spec), left);
        let now_of_old = self.now();
        self.runs_on = first.runs_on(self.clock);
        let now = self.now();
        let first = first.expiration(now);
        let might_cancel = self.clock.without_alarm() == Clock::Realtime && spec.is_canceled_by_clock_change();
        (ours, self.linux.settime(Setting { first, interval, might_cancel }, now_of_old, now))
    }

    /// A raw read returns what the thread wrote last, which may be some time ago.
    fn raw_read(&mut self) -> (Outcome, Outcome) {
        if self.linux.is_canceled() || self.is_behind {
            return (Ok(None), Ok(None));
        }
        self.refresh();
        self.is_unseen = true;
        (Ok(Some(raw_read(&self.ours))), Ok(Some(self.linux.read(self.now()).unwrap_or(0))))
    }

    fn pass(&mut self, nanos: u64) {
        MODEL.pass(nanos);
        self.linux.fire(self.now());
    }

    /// Waits until the thread has refreshed the unread count.
    fn refresh(&mut self) {
        self.is_unseen = false;
        MODEL.lock().refuses_writes = false;
        // The pause between two refreshes begins when the thread ends the first one.
        MODEL.settle();
        self.run_the_thread_after(LONGEST_BACK_OFF);
    }

    /// Waits until the thread has processed all expirations before a clock step.
    fn catch_up(&mut self) {
        // The thread retries a refused write by the clock that is about to be stepped.
        let is_refused = MODEL.lock().refuses_writes;
        if self.is_unseen || is_refused {
            self.refresh();
        } else {
            MODEL.settle();
        }
    }

    /// Makes the thread read all clocks after this time. By itself it does so within 250 ms.
    fn run_the_thread_after(&mut self, nanos: u64) {
        self.caller.arm_after(ns(nanos)).unwrap();
        self.pass(nanos);
        MODEL.settle();
        self.caller.disarm().unwrap();
    }

    fn clock_was_set(&mut self, forward: bool) {
        if self.clock.without_alarm() == Clock::Realtime {
            self.linux.clock_was_set(self.now());
        }
        self.linux.fire(self.now());
        self.is_behind |= !forward;
        // Expirations between a step forward and a step back are not seen if the thread does not
        // run.
        if forward {
            self.run_the_thread_after(1);
        }
    }
}

fn play(script: &Script) -> Result<(), String> {
    let mut comparison = Comparison::new(script.clock);
    let result = comparison.play_all(&script.ops);
    drop(comparison);
    MODEL.end();
    result
}

/// Plays a script on a new model, with its threads in the order of the script's seed. Returns a
/// difference from Linux as an error.
pub fn play_on_the_model(script: &Script) -> Result<(), String> {
    let result = Arc::new(Mutex::new(Ok(())));
    let scheduler = RandomScheduler::new_from_seed(script.schedule, 1);
    let (script, shared) = (script.clone(), Arc::clone(&result));
    run(scheduler, move || *shared.lock().unwrap() = play(&script));
    let result = result.lock().unwrap().clone();
    result
}
