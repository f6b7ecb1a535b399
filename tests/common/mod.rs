//! What the tests of several programs share: timers of a backend, plain reads, waiting by `poll`, counts by the clock.
// No program uses all of it.
#![allow(dead_code)]

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use portable_timerfd::{backends, Backend, Clock, TimerFd, TimerFdBuilder};
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const HOUR: Duration = Duration::from_secs(3600);

/// The number of an error, if it is one.
pub fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|e| e.raw_os_error())
}

pub fn open_on(backend: &'static Backend, clock: Clock) -> TimerFd {
    TimerFd::builder(clock).backend(backend).open().unwrap()
}

/// For a timer of the emulation.
pub fn userspace_builder(clock: Clock) -> TimerFdBuilder {
    TimerFd::builder(clock).backend(backends::named("userspace").unwrap())
}

/// A plain `read(2)` of eight bytes.
pub fn raw_read(fd: &impl AsFd) -> io::Result<u64> {
    let mut bytes = [0; 8];
    assert_eq!(nix::unistd::read(fd, &mut bytes)?, 8);
    Ok(u64::from_ne_bytes(bytes))
}

/// What `poll(2)` says of a descriptor within this time, asked for everything that can be asked for.
pub fn polled(fd: &impl AsFd, timeout: impl Into<PollTimeout>) -> PollFlags {
    let all = PollFlags::POLLIN | PollFlags::POLLOUT | PollFlags::POLLPRI;
    let mut fds = [PollFd::new(fd.as_fd(), all)];
    poll(&mut fds, timeout).unwrap();
    fds[0].revents().unwrap()
}

pub fn is_readable(fd: &impl AsFd) -> bool {
    polled(fd, 0u8).contains(PollFlags::POLLIN)
}

/// Waits, for ever if need be, until the descriptor is readable.
pub fn until_readable(fd: &impl AsFd) {
    while !polled(fd, PollTimeout::NONE).contains(PollFlags::POLLIN) {}
}

/// How often a schedule has expired at a time of its clock.
pub fn expirations(first: Duration, interval: Duration, now: Duration) -> u64 {
    match now.checked_sub(first) {
        Some(since) => u64::try_from(since.as_nanos() / interval.as_nanos()).unwrap() + 1,
        None => 0,
    }
}

/// What `count` gives lies between what the clock says before and after.
///
/// It must wait for the timer: a kernel may let a moment pass between the time and the expiration.
#[track_caller]
pub fn assert_counts_by_the_clock(
    clock: Clock,
    first: Duration,
    interval: Duration,
    count: impl FnOnce() -> u64,
) -> u64 {
    let least = expirations(first, interval, clock.now().unwrap());
    let count = count();
    let most = expirations(first, interval, clock.now().unwrap());
    assert!((least..=most).contains(&count), "{count} expirations, the clock says {least} to {most}");
    count
}
