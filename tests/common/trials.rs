//! Makes trials from cases. The name of a trial consists of the backend, the theme and the case.

#[path = "mode.rs"]
mod mode;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

/// Returns a trial of each case on one backend; `run` runs a case.
pub fn trials<C: Sync>(
    backend: &str,
    themes: &[(&'static str, &'static [(&'static str, C)])],
    ignores: impl Fn(&str) -> bool,
    run: impl Fn(&'static C) + Copy + Send + 'static,
) -> Vec<Trial> {
    let mut trials = Vec::new();
    for &(theme, cases) in themes {
        for (name, case) in cases {
            let trial = Trial::test(format!("{backend}::{theme}::{name}"), move || {
                run(case);
                Ok(())
            });
            trials.push(trial.with_ignored_flag(ignores(theme)));
        }
    }
    trials
}

pub fn conclude(trials: Vec<Trial>) -> ExitCode {
    mode::take_from_env();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
