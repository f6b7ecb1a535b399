//! The process around the userspace backend: its thread, its descriptors, forks, limits.

mod backend;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod descriptors;
mod ends;
mod fd_only;
mod fd_only_isolation;
mod fork_handlers;
mod forks;
mod modes;
mod numbers;
#[path = "../common/own_process.rs"]
mod own_process;
#[path = "../common/poller_behaviour.rs"]
mod poller_behaviour;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod refusals;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod sandboxes;
mod signals;
mod thread;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod thread_options;

use common::{backends_here, userspace_builder};
use own_process::Case;
use portable_timerfd::{Clock, TimerFd};
use std::process::ExitCode;

/// Makes lists of cases, each with the name of its function. A list tests the `userspace` backend,
/// or `every` backend.
#[macro_export]
macro_rules! cases {
    ($($backend:ident: $($case:ident),*;)*) => {
        pub const CASES: &[$crate::Case] = &[$($((concat!(stringify!($backend), "::", stringify!($case)), $case)),*),*];
    };
}

pub fn userspace_on(clock: Clock) -> TimerFd {
    userspace_builder(clock).open().unwrap()
}

pub fn userspace() -> TimerFd {
    userspace_on(Clock::Monotonic)
}

/// Opens a timer on each backend of this system.
pub fn on_every_backend(nonblocking: bool) -> impl Iterator<Item = TimerFd> {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(nonblocking);
    backends_here().map(move |backend| builder.backend(backend).open().unwrap())
}

#[cfg(not(all(target_os = "linux", not(portable_timerfd_test_posix))))]
mod refusals {
    pub const CASES: &[crate::Case] = &[];
}

#[cfg(not(all(target_os = "linux", not(portable_timerfd_test_posix))))]
mod sandboxes {
    pub const CASES: &[crate::Case] = &[];
}

#[cfg(not(all(target_os = "linux", not(portable_timerfd_test_posix))))]
mod thread_options {
    pub const CASES: &[crate::Case] = &[];
    pub const AS_ROOT: &[crate::Case] = &[];
}

const THEMES: [&[Case]; 18] = [
    backend::CASES,
    crowd::CASES,
    descriptors::CASES,
    ends::CASES,
    forks::CASES,
    fork_handlers::CASES,
    modes::CASES,
    numbers::CASES,
    if cfg!(portable_timerfd_test_posix) { &[] } else { numbers::OF_LINUX },
    fd_only::CASES,
    fd_only_isolation::CASES,
    refusals::CASES,
    sandboxes::CASES,
    signals::CASES,
    thread::CASES,
    thread_options::CASES,
    thread_options::AS_ROOT,
    if cfg!(portable_timerfd_test_posix) { &[] } else { thread::OF_SOME_SYSTEMS },
];

fn main() -> ExitCode {
    // The cases inspect their own process through Linux's /proc.
    let ignored = !std::path::Path::new("/proc/self/task").exists();
    own_process::run(&THEMES.concat(), ignored, || (), |output| output.status.success())
}
