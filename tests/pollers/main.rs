//! Timers in every poller, on every backend: the events, their time and their number.
//!
//! `tests/known_differences.rs` shows where the backends differ by design.

#[path = "../common/all_backends.rs"]
mod all_backends;
mod calls;
#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod edges;
#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "linux")]
mod epoll_many;
mod in_a_loop;
mod modes;
#[path = "../common/poller_behaviour.rs"]
mod poller_behaviour;
mod registrations;
mod setup;
#[path = "../common/support.rs"]
mod support;
mod table;
#[path = "../common/trials.rs"]
mod trials;
mod undeleted;
mod waiters;

#[cfg(not(target_os = "linux"))]
mod epoll {
    pub const CASES: &[crate::Case] = &[];
}
#[cfg(not(target_os = "linux"))]
use epoll as epoll_many;

use all_backends::Case;
use nix::sys::resource::{getrlimit, rlim_t, setrlimit, Resource};
use std::process::ExitCode;
use std::sync::RwLock;

/// Held for reading by tests that need low descriptor numbers, as `select` does; for writing by
/// tests that open thousands of descriptors.
static NUMBERS: RwLock<()> = RwLock::new(());

/// No test needs more descriptors than this, which is the most that macOS allows a process.
const DESCRIPTORS: rlim_t = 10_240;

fn main() -> ExitCode {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(DESCRIPTORS), hard).unwrap();
    let themes = [
        ("calls", calls::CASES),
        ("epoll", epoll::CASES),
        ("epoll_many", epoll_many::CASES),
        ("in_a_loop", in_a_loop::CASES),
        ("modes", modes::CASES),
        ("registrations", registrations::CASES),
        ("edges", edges::CASES),
        ("undeleted", undeleted::CASES),
        ("waiters", waiters::CASES),
    ];
    let lacks: &[&str] = if poller_behaviour::HERE.has_edge { &[] } else { &["edges"] };
    let mut trials = all_backends::trials_of(&themes, lacks);
    trials.push(table::trial());
    trials::conclude(trials)
}
