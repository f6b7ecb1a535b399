//! Timers in other event loops, each loop in its released version, on every backend, and their
//! cost.

mod async_io;
mod awaited;
mod awaited_set;
#[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
mod calloop;
#[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
mod calloop_sets;
#[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
mod calloop_sources;
#[cfg(target_os = "linux")]
mod calls;
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod mio;
mod mio_sets;
#[path = "../common/poller_behaviour.rs"]
mod poller_behaviour;
mod polling_sets;
#[allow(dead_code)] // the suite of sets uses the rest
#[path = "../timer_set/probe.rs"]
mod probe;
mod registered_sets;
mod sets;
mod simulated;
mod simulated_sets;
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
    #[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
    ("calloop", calloop::CASES),
    #[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
    ("calloop_sources", calloop_sources::CASES),
    #[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
    ("calloop_sets", calloop_sets::CASES),
    ("mio", mio::CASES),
    ("mio_sets", mio_sets::CASES),
    ("polling_sets", polling_sets::CASES),
    ("tokio", tokio::CASES),
    ("tokio", In::<loops::tokio::TokioTimer<Arc<TimerFd>>>::CASES),
    ("async_io_sources", sources::In::<sources::AsyncIo>::CASES),
    ("tokio_sources", sources::In::<sources::Tokio>::CASES),
    ("async_io_sets", sets::In::<sources::AsyncIo>::CASES),
    ("async_io_sets", registered_sets::In::<sources::AsyncIo>::CASES),
    ("tokio_sets", sets::In::<sources::Tokio>::CASES),
    ("tokio_sets", registered_sets::In::<sources::Tokio>::CASES),
];

const SIMULATED: &[(&str, &[simulated::Case])] = &[
    ("loops", simulated::CASES),
    ("async_io_sets", simulated_sets::In::<sources::AsyncIo>::CASES),
    ("tokio_sets", simulated_sets::In::<sources::Tokio>::CASES),
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
    all.extend(trials::trials("simulated", SIMULATED, |_| false, |case: &'static fn()| case()));
    all.extend(calls::trials());
    trials::conclude(all)
}
