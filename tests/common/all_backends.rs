//! Runs each case, a function, on every backend of `backends::ALL`.
//!
//! A backend that this system lacks shows as ignored. A new backend needs no change in a test.

use crate::common::is_missing;
use crate::trials::{conclude, trials};
use portable_timerfd::{backends, Backend};
use std::process::ExitCode;

/// A case: its name, and the function that tests one backend.
pub type Case = (&'static str, fn(Backend));

/// Runs the cases of these themes on every backend. The themes in `lacks` show as ignored, because
/// this system does not support them.
pub fn run(themes: &[(&'static str, &'static [Case])], lacks: &[&str]) -> ExitCode {
    let of_backend = |backend: Backend| {
        let missing = is_missing(backend);
        let ignores = move |theme: &str| missing || lacks.contains(&theme);
        trials(backend.name(), themes, ignores, move |case: &fn(Backend)| case(backend))
    };
    conclude(backends::ALL.iter().copied().flat_map(of_backend).collect())
}
