//! Random scripts, played by the emulation and by a model of Linux, step by step. The clocks stand still between the steps, so
//! that everything is compared exactly.
//!
//! `MODEL_SCRIPTS=1000000 cargo test --release --test model_based scripts` makes a hunt of it.

use crate::backends::sys::fd;
use crate::backends::userspace::UserspaceTimer;
use crate::kernel::{Setting, Timerfd};
use crate::model::MODEL;
use crate::runs::run;
use crate::script::{script, First, Op, Script};
use crate::support::{ns, open_on, plain_read};
use crate::timer::Timer;
use crate::{Clock, Initial, TimerSpec};
use shuttle::scheduler::RandomScheduler;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

/// No count that nobody reads is left as it is for longer than this.
const LONGEST_REST: u64 = 10_000_000;

/// The two timers, and what is known of them.
struct Comparison {
    clock: Clock,
    ours: UserspaceTimer,
    linux: Timerfd,
    runs_on: Clock,
    /// Whether the clock may have gone back behind what a plain reader can see.
    is_behind: bool,
    /// Whether the thread may not know that the count was read.
    is_unseen: bool,
    /// Has the timer thread look at the time.
    caller: UserspaceTimer,
}

/// What a call gave, to be compared.
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

    /// What both give: ours, Linux's.
    fn play(&mut self, op: Op) -> (Outcome, Outcome) {
        const NOTHING: (Outcome, Outcome) = (Ok(None), Ok(None));
        match op {
            Op::Settime { first, interval, mark } => return self.settime(first, interval, mark),
            Op::Gettime => {
                self.is_behind = false;
                return (outcome(self.ours.gettime(), left), Ok(self.linux.gettime(self.now())));
            }
            Op::Read => {
                (self.is_behind, self.is_unseen) = (false, false);
                return (outcome(self.ours.read(), Some), self.linux.read(self.now()).map(Some));
            }
            Op::PlainRead => return self.plain_read(),
            Op::Poll => {
                self.rest();
                let ours = fd::is_readable(self.ours.as_fd());
                return (Ok(Some(ours.into())), Ok(Some(self.linux.is_readable().into())));
            }
            Op::RefuseWrites => MODEL.lock().refuses_writes = true,
            Op::Pass(nanos) => self.pass(nanos),
            Op::Step(nanos) => {
                self.catch_up();
                MODEL.step_wall(nanos);
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

    fn settime(&mut self, first: First, interval: u64, mark: bool) -> (Outcome, Outcome) {
        (self.is_behind, self.is_unseen) = (false, false);
        let spec = match first {
            First::Disarmed => TimerSpec::disarmed(),
            First::After(delay) => TimerSpec::after(ns(delay)),
            First::At(offset) => TimerSpec::at(ns(MODEL.time(self.clock).saturating_add_signed(offset))),
        };
        let spec = if mark { spec.cancel_on_set() } else { spec }.every(ns(interval));
        let ours = outcome(self.ours.settime(&spec), left);
        let now_of_old = self.now();
        self.runs_on = match (self.clock, first) {
            (Clock::Realtime, First::After(_)) => Clock::Monotonic,
            (clock, _) => clock.without_alarm(),
        };
        let now = self.now();
        let first = match first {
            First::Disarmed => None,
            First::After(delay) => Some(now.saturating_add(delay)),
            First::At(offset) => Some(now.saturating_add_signed(offset).max(1)),
        };
        let might_cancel = self.clock.without_alarm() == Clock::Realtime && spec.is_canceled_by_steps();
        (ours, self.linux.settime(Setting { first, interval, might_cancel }, now_of_old, now))
    }

    /// The thread's last look tells what there is, and it may be some time ago.
    fn plain_read(&mut self) -> (Outcome, Outcome) {
        if self.linux.is_canceled() || self.is_behind {
            return (Ok(None), Ok(None));
        }
        self.rest();
        self.is_unseen = true;
        (Ok(Some(plain_read(&self.ours))), Ok(Some(self.linux.read(self.now()).unwrap_or(0))))
    }

    fn pass(&mut self, nanos: u64) {
        MODEL.pass(nanos);
        self.linux.fire(self.now());
    }

    /// Time enough for the thread to look at what nobody has read.
    fn rest(&mut self) {
        self.is_unseen = false;
        MODEL.lock().refuses_writes = false;
        self.look_after(LONGEST_REST);
    }

    /// Sees to it that what has come before a step has been seen to come.
    fn catch_up(&mut self) {
        // What a pipe has refused is put again by the clock that is about to be stepped.
        let is_refused = MODEL.lock().refuses_writes;
        if self.is_unseen || is_refused {
            self.rest();
        } else {
            MODEL.settle();
        }
    }

    /// Has the thread look at all clocks, after some time: within 250 ms it does so by itself.
    fn look_after(&mut self, nanos: u64) {
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
        // What comes by a step forward, and goes by one back before anybody looks, is not seen.
        if forward {
            self.look_after(1);
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

/// Plays a script in a world of its own, its threads in the order that it names: what went otherwise than on Linux, if anything did.
pub fn play_on_the_model(script: &Script) -> Result<(), String> {
    let result = Arc::new(Mutex::new(Ok(())));
    let scheduler = RandomScheduler::new_from_seed(script.schedule, 1);
    let (script, kept) = (script.clone(), Arc::clone(&result));
    run(scheduler, move || *kept.lock().unwrap() = play(&script));
    let result = result.lock().unwrap().clone();
    result
}
