//! What the contract promises, each promise a function, run on every backend, and those that go by time on the
//! simulated one too, where nothing waits. What pollers see is in `tests/pollers`.

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

/// Cases that go by the time of the backend that they are given.
const TIMED: [(&str, &[Case]); 3] =
    [("settings", settings::CASES), ("counts", counts::CASES), ("descriptor", descriptor::CASES)];

/// Cases of many threads, which need a time that passes, and of what a system has.
const OF_THE_SYSTEM: [(&str, &[Case]); 3] =
    [("capabilities", capabilities::CASES), ("sums", sums::CASES), ("threads", threads::CASES)];

fn main() -> ExitCode {
    let themes = [&TIMED[..], &OF_THE_SYSTEM].concat();
    let real = backends::ALL.iter().flat_map(|backend| {
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
