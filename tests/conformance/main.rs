//! Tests every promise of the contract, each with one function, on every backend. The tests that
//! depend on time also run on the simulated backend, without waiting. `tests/pollers` tests
//! pollers.

mod capabilities;
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod counts;
mod descriptor;
mod settings;
mod sums;
#[path = "../common/support.rs"]
mod support;
#[path = "../common/test_backend.rs"]
mod test_backend;
mod threads;
#[path = "../common/trials.rs"]
mod trials;

use portable_timerfd::backends;
use std::process::ExitCode;
use test_backend::{Case, TestBackend};
use trials::{conclude, trials};

/// Cases that use the time of their `TestBackend`.
const TIMED: [(&str, &[Case]); 3] =
    [("settings", settings::CASES), ("counts", counts::CASES), ("descriptor", descriptor::CASES)];

/// Cases that need many threads and real time, or that test the system itself.
const OF_THE_SYSTEM: [(&str, &[Case]); 3] =
    [("capabilities", capabilities::CASES), ("sums", sums::CASES), ("threads", threads::CASES)];

fn main() -> ExitCode {
    let themes = [&TIMED[..], &OF_THE_SYSTEM].concat();
    let real = backends::ALL.iter().flat_map(|&backend| {
        let is_missing = TestBackend::real(backend).is_missing();
        trials(
            backend.name(),
            &themes,
            move |_| is_missing,
            move |case: &fn(&TestBackend)| case(&TestBackend::real(backend)),
        )
    });
    let simulated = trials("simulated", &TIMED, |_| false, |case: &fn(&TestBackend)| case(&TestBackend::simulated()));
    conclude(real.chain(simulated).collect())
}
