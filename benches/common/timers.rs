//! The backends that the benches compare, and helpers for their timers.

use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::{backends, Backend, Clock, CreateFlags, TimerFd};
use std::time::Duration;

/// Returns the backends that this system supports, `userspace` first.
pub fn available_backends() -> Vec<Backend> {
    [backends::userspace::BACKEND, backends::kernel::BACKEND]
        .into_iter()
        .filter(|backend| backend.open(Clock::Monotonic, CreateFlags::default()).is_ok())
        .collect()
}

pub fn open(backend: Backend) -> TimerFd {
    TimerFd::builder(Clock::Monotonic).backend(backend).open().expect("a timer")
}

pub fn armed(backend: Backend, delay: Duration) -> TimerFd {
    let timer = open(backend);
    timer.arm_after(delay).expect("set");
    timer
}

/// Raises the limit of descriptors as far as the system allows, for ten thousand timers.
pub fn raise_descriptor_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Some systems refuse the maximum that they report.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Returns the number of timers that the limit of descriptors allows, at most `wanted`.
pub fn as_many_as_fit(wanted: usize, descriptors_each: usize) -> usize {
    const OTHERS: usize = 64;
    let limit =
        getrlimit(Resource::RLIMIT_NOFILE).map_or(256, |(limit, _)| usize::try_from(limit).unwrap_or(usize::MAX));
    wanted.min(limit.saturating_sub(OTHERS) / descriptors_each)
}
