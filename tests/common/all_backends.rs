//! Makes a trial of each case, a function, on every backend of `backends::ALL`.
//!
//! A backend that this system lacks shows as ignored. A new backend needs no change in a test.

use crate::common::is_missing;
use crate::trials::trials;
use libtest_mimic::Trial;
use portable_timerfd::{backends, Backend};

/// A case: its name, and the function that tests one backend.
pub type Case = (&'static str, fn(Backend));

/// Returns the trials of these themes on every backend. The themes in `lacks` show as ignored,
/// because this system does not support them.
pub fn trials_of(themes: &[(&'static str, &'static [Case])], lacks: &[&str]) -> Vec<Trial> {
    let of_backend = |backend: Backend| {
        let missing = is_missing(backend);
        let ignores = move |theme: &str| missing || lacks.contains(&theme);
        trials(backend.name(), themes, ignores, move |case: &fn(Backend)| case(backend))
    };
    backends::ALL.iter().copied().flat_map(of_backend).collect()
}
