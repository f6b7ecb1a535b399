//! Promises × backends: each case is a function, run on every backend of `backends::ALL`.
//!
//! A backend that this system lacks shows as ignored. A new backend needs no test edited.

use crate::common::is_missing;
use crate::trials::{conclude, trials};
use portable_timerfd::{backends, Backend};
use std::process::ExitCode;

/// A promise: its name, and what shows it on one backend.
pub type Case = (&'static str, fn(&'static Backend));

/// Runs themes of cases, on every backend. What this system `lacks`, a theme, shows as ignored too.
pub fn run(themes: &[(&'static str, &'static [Case])], lacks: &[&str]) -> ExitCode {
    let of_backend = |backend: &'static Backend| {
        let missing = is_missing(backend);
        let ignores = move |theme: &str| missing || lacks.contains(&theme);
        trials(backend.name(), themes, ignores, move |case: &fn(&'static Backend)| case(backend))
    };
    conclude(backends::ALL.iter().flat_map(of_backend).collect())
}
