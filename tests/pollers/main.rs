//! Timers in every poller there is, on every backend: what it reports, when, and how often.
//!
//! Where the backends differ by design, `tests/known_differences.rs` shows it.

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
mod setup;
#[path = "../common/support.rs"]
mod support;
#[path = "../common/trials.rs"]
mod trials;
mod waiters;

#[cfg(not(target_os = "linux"))]
mod epoll {
    pub const CASES: &[crate::Case] = &[];
}
#[cfg(not(target_os = "linux"))]
use epoll as epoll_many;

use all_backends::Case;
use nix::sys::resource::{getrlimit, rlim_t, setrlimit, Resource};
use polling::Poller;
use std::process::ExitCode;
use std::sync::RwLock;

/// Held to read by who needs descriptors of low numbers, as `select` does; to write by who takes thousands.
static NUMBERS: RwLock<()> = RwLock::new(());

/// More descriptors than this, no test asks for: it is what macOS gives a process at most.
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
        ("edges", edges::CASES),
        ("waiters", waiters::CASES),
    ];
    let has_edges = Poller::new().unwrap().supports_edge();
    all_backends::run(&themes, if has_edges { &[] } else { &["edges"] })
}
