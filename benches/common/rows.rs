//! The rows that are compared, and room for many timers of theirs.

use nix::sys::resource::{getrlimit, setrlimit, Resource};
use portable_timerfd::{backends, Backend, Clock, CreateFlags, Timer, TimerFd};
use std::time::Duration;

/// Those that this system has, ours first.
pub fn rows() -> Vec<&'static Backend> {
    [&backends::userspace::BACKEND, &backends::kernel::BACKEND]
        .into_iter()
        .filter(|row| row.open(Clock::Monotonic, CreateFlags::default()).is_ok())
        .collect()
}

pub fn open(row: &'static Backend) -> TimerFd {
    TimerFd::builder(Clock::Monotonic).backend(row).open().expect("a timer")
}

pub fn armed(row: &'static Backend, delay: Duration) -> TimerFd {
    let timer = open(row);
    timer.arm_after(delay).expect("settime");
    timer
}

/// Room for the descriptors of ten thousand timers, if the system lets us have it.
pub fn raise_the_limit_of_descriptors() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Some systems take no number as high as the one they give.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// So many timers, or as many as there are descriptors for if each takes this many.
pub fn as_many_as_fit(wanted: usize, descriptors_each: usize) -> usize {
    const OTHERS: usize = 64;
    let limit =
        getrlimit(Resource::RLIMIT_NOFILE).map_or(256, |(limit, _)| usize::try_from(limit).unwrap_or(usize::MAX));
    wanted.min(limit.saturating_sub(OTHERS) / descriptors_each)
}
