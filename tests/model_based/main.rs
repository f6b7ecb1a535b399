//! The emulation itself, over a system that is a model: clocks that stand still until a test turns them, and threads in every
//! order that a scheduler can think of. A lost wake-up is a deadlock here, found without waiting.
//!
//! `MODEL_SCHEDULES=100000 cargo test --release --test model_based` makes a hunt of it.
// The emulation's rooms are here whole, and not all of them is used; their own tests are not.
#![allow(dead_code, unused_imports)]

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
#[path = "../../src/flags.rs"]
mod flags;
#[allow(clippy::wrong_self_convention)] // as a library's public methods they are let be
#[path = "../../src/itimerspec.rs"]
mod itimerspec;
mod kernel;
mod model;
mod protocol;
#[path = "../../src/punctuality.rs"]
mod punctuality;
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
use libtest_mimic::{Arguments, Trial};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
pub(crate) use spec::{Initial, TimerSpec};
use std::process::ExitCode;

/// A scenario: its name, and one run of it.
type Case = (&'static str, fn());

/// How many orders of its threads a scenario is run in, by each of two ways of choosing them.
fn schedules() -> usize {
    usize::try_from(random::number_from_env("MODEL_SCHEDULES", 50)).unwrap()
}

/// A failure prints a schedule, which `MODEL_REPLAY` takes for the one scenario that is asked for.
fn explore(scenario: fn()) {
    if let Ok(schedule) = std::env::var("MODEL_REPLAY") {
        return shuttle::replay(scenario, &schedule);
    }
    runs::run(RandomScheduler::new(schedules()), scenario);
    runs::run(PctScheduler::new(4, schedules()), scenario);
}

fn main() -> ExitCode {
    let scenarios = [protocol::CASES, wake_ahead::CASES, refused_writes::CASES, clock_changes::CASES]
        .into_iter()
        .flatten()
        .map(|&(name, scenario)| {
            Trial::test(name, move || {
                explore(scenario);
                Ok(())
            })
        });
    let scripts = Trial::test("scripts_match_the_model_of_linux", || {
        random::play_many(&script::script(), random::number_from_env("MODEL_SCRIPTS", 500), scripts::play_on_the_model);
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), scenarios.chain([scripts]).collect()).exit_code()
}
