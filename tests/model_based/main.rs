//! Model-based tests: the emulation on a model of the system. The model's clocks advance only when
//! a test advances them, and a scheduler runs the threads in many orders. A lost wake-up is a
//! deadlock here, which is found without waiting.
//!
//! `MODEL_SCHEDULES=100000 cargo test --release --test model_based` explores more schedules. With
//! `MODEL_SECONDS=20`, the suite takes about 20 seconds of one processor. It runs each scenario at
//! least twice, however slow the machine is.
// The modules of the emulation are compiled here as a whole, without their own tests, and some
// parts are unused.
#![allow(dead_code, unused_imports)]

#[path = "../../src/accuracy.rs"]
mod accuracy;
#[path = "../../src/backend.rs"]
mod backend;
mod backends;
#[path = "../../src/capabilities.rs"]
mod capabilities;
#[path = "../common/cases.rs"]
mod cases;
#[path = "../../src/clock.rs"]
mod clock;
mod clock_changes;
#[path = "../../src/clock_time.rs"]
mod clock_time;
#[path = "../../src/errors.rs"]
mod errors;
#[path = "../../src/flags.rs"]
mod flags;
#[path = "../../src/inherent.rs"]
mod inherent;
#[allow(clippy::wrong_self_convention)] // Clippy allows this name in a public method.
#[path = "../../src/itimerspec.rs"]
mod itimerspec;
mod kernel;
mod model;
#[path = "../../src/pollable.rs"]
mod pollable;
mod protocol;
#[path = "../common/random.rs"]
mod random;
mod refused_writes;
mod runs;
mod script;
mod scripts;
#[path = "../../src/spec.rs"]
mod spec;
mod support;
#[path = "../../src/timer.rs"]
mod timer;
mod wake_ahead;

pub(crate) use clock::Clock;
pub(crate) use clock_time::ClockTime;
use libtest_mimic::{Arguments, Trial};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
pub(crate) use spec::{Initial, TimerSpec};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A scenario: its name, and the function that runs it once.
type Case = (&'static str, fn());

/// The number of schedules for each scenario, for each of the two schedulers.
fn schedules() -> usize {
    usize::try_from(random::number_from_env("MODEL_SCHEDULES", 50)).unwrap()
}

/// The scenarios by theme.
const THEMES: [&[Case]; 4] = [protocol::CASES, wake_ahead::CASES, refused_writes::CASES, clock_changes::CASES];

/// Returns the time for one scheduler of one scenario, if `MODEL_SECONDS` limits the time of the
/// suite. The scripts take as long as a scenario.
fn share_of_time() -> Option<Duration> {
    let seconds = std::env::var("MODEL_SECONDS").ok()?.parse().expect("MODEL_SECONDS is a number");
    let scenarios: usize = THEMES.iter().map(|theme| theme.len()).sum();
    Some(Duration::from_secs(seconds) / (2 * (scenarios as u32 + 1)))
}

/// Runs a scenario in many schedules. A failure prints its schedule; `MODEL_REPLAY` runs it again.
fn explore(scenario: fn()) {
    if let Ok(schedule) = std::env::var("MODEL_REPLAY") {
        return shuttle::replay(scenario, &schedule);
    }
    runs::run_within(share_of_time(), RandomScheduler::new(schedules()), scenario);
    runs::run_within(share_of_time(), PctScheduler::new(4, schedules()), scenario);
}

/// Plays random scripts on the emulation and on the model, until the time is over.
fn play_scripts() {
    let (begun, limit) = (Instant::now(), share_of_time().map(|share| 2 * share));
    random::play_many(&script::script(), random::number_from_env("MODEL_SCRIPTS", 500), |script| {
        if limit.is_some_and(|limit| begun.elapsed() > limit) {
            return Ok(());
        }
        scripts::play_on_the_model(script)
    });
}

fn main() -> ExitCode {
    let scenarios = THEMES.into_iter().flatten().map(|&(name, scenario)| {
        Trial::test(name, move || {
            explore(scenario);
            Ok(())
        })
    });
    let scripts = Trial::test("scripts_match_the_model_of_linux", || {
        play_scripts();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), scenarios.chain([scripts]).collect()).exit_code()
}
