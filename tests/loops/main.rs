//! Timers in other event loops, each loop in its released version, on every backend, and their
//! cost.

mod async_io;
mod awaited;
#[cfg(feature = "calloop-0-14")]
mod calloop;
#[cfg(feature = "calloop-0-14")]
mod calloop_sources;
#[cfg(target_os = "linux")]
mod calls;
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod mio;
mod simulated;
mod sources;
#[path = "../common/support.rs"]
mod support;
mod tokio;
#[path = "../common/trials.rs"]
mod trials;

#[cfg(not(target_os = "linux"))]
mod calls {
    pub fn trials() -> Vec<libtest_mimic::Trial> {
        Vec::new()
    }

    pub fn is_program() -> bool {
        false
    }
}

use awaited::In;
use portable_timerfd::{backends, loops, Backend, TimerFd};
use std::process::ExitCode;
use std::sync::Arc;

/// A case: its name, and the function that tests one backend.
pub type Case = (&'static str, fn(Backend));

const THEMES: &[(&str, &[Case])] = &[
    ("async_io", async_io::CASES),
    ("async_io", In::<loops::async_io::AsyncIoTimer<Arc<TimerFd>>>::CASES),
    #[cfg(feature = "calloop-0-14")]
    ("calloop", calloop::CASES),
    #[cfg(feature = "calloop-0-14")]
    ("calloop_sources", calloop_sources::CASES),
    ("mio", mio::CASES),
    ("tokio", tokio::CASES),
    ("tokio", In::<loops::tokio::TokioTimer<Arc<TimerFd>>>::CASES),
    ("async_io_sources", sources::In::<sources::AsyncIo>::CASES),
    ("tokio_sources", sources::In::<sources::Tokio>::CASES),
];

fn main() -> ExitCode {
    if calls::is_program() {
        return ExitCode::SUCCESS;
    }
    let of_backend = |backend: Backend| {
        let missing = common::is_missing(backend);
        trials::trials(backend.name(), THEMES, move |_| missing, move |case: &fn(Backend)| case(backend))
    };
    let mut all: Vec<_> = backends::ALL.iter().copied().flat_map(of_backend).collect();
    all.extend(trials::trials("simulated", &[("loops", simulated::CASES)], |_| false, |case: &'static fn()| case()));
    all.extend(calls::trials());
    trials::conclude(all)
}
