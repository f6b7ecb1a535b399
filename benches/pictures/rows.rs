//! The rows that are compared, and how many timers of theirs there can be.

use nix::sys::resource::{getrlimit, setrlimit, Resource};
use plotters::style::RGBColor;
use portable_timerfd::{backends, Backend, Clock, CreateFlags, TimerFd};
use std::time::Duration;

/// Those that this system has, ours first.
pub fn rows() -> Vec<&'static Backend> {
    [&backends::userspace::BACKEND, &backends::kernel::BACKEND]
        .into_iter()
        .filter(|row| row.open(Clock::Monotonic, CreateFlags::default()).is_ok())
        .collect()
}

/// The colour that a row has in every picture.
pub fn color(row: &str) -> RGBColor {
    match row {
        "kernel" => RGBColor(0, 114, 178),
        _ => RGBColor(213, 94, 0),
    }
}

pub fn open(row: &'static Backend) -> TimerFd {
    TimerFd::builder(Clock::Monotonic).backend(row).open().expect("a timer")
}

/// The present time of the clock that all timers here count on.
pub fn now() -> Duration {
    Clock::Monotonic.now().expect("the monotonic clock")
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
