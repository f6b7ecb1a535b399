//! Promises × backends: each case is a function, run on every row of the table.
//!
//! A backend that this system lacks shows as ignored. A new backend needs no test edited.

#[path = "mode.rs"]
mod mode;

use crate::common::is_missing;
use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{backends, Backend};
use std::process::ExitCode;

/// A promise: its name, and what shows it on one backend.
pub type Case = (&'static str, fn(&'static Backend));

/// Runs themes of cases, on every backend. What this system `lacks`, a theme, shows as ignored too.
pub fn run(themes: &[(&'static str, &'static [Case])], lacks: &[&str]) -> ExitCode {
    mode::take_from_env();
    let mut trials = Vec::new();
    for backend in backends::ALL {
        let missing = is_missing(backend);
        for &(theme, cases) in themes {
            for &(name, run) in cases {
                let name = format!("{}::{theme}::{name}", backend.name());
                let trial = Trial::test(name, move || {
                    run(backend);
                    Ok(())
                });
                trials.push(trial.with_ignored_flag(missing || lacks.contains(&theme)));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
