//! Helpers that several programs share: timers of a backend, raw reads, waiting with `poll`, counts
//! compared with the clock.
// Each program uses only a part of this.
#![allow(dead_code)]

use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use portable_timerfd::{
    backends, is_clock_change, Backend, Clock, ClockTime, Initial, Timer, TimerFd, TimerFdBuilder, TimerSpec,
};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);

/// Returns the error number of a result, if it is an error.
pub fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|e| e.raw_os_error())
}

#[track_caller]
pub fn assert_errno<T: Debug>(result: io::Result<T>, errno: i32) {
    let error = result.expect_err("an error was expected");
    assert_eq!(error.raw_os_error(), Some(errno), "{error}");
}

/// Asserts that a call failed with `ECANCELED`, which reports a clock change.
#[track_caller]
pub fn assert_canceled<T: Debug>(result: io::Result<T>) {
    let error = result.expect_err("a clock change was expected");
    assert!(is_clock_change(&error), "{error}");
    assert_eq!(error.raw_os_error(), Some(nix::libc::ECANCELED));
}

#[track_caller]
pub fn assert_nothing_to_read(timer: &impl Timer) {
    assert_errno(timer.read(), nix::libc::EAGAIN);
}

/// Returns the remaining time that a setting reports.
#[track_caller]
pub fn left(spec: TimerSpec) -> Duration {
    match spec.initial() {
        Initial::After(left) => left,
        other => panic!("a time left was expected, not {other:?}"),
    }
}

/// Returns the open descriptors of this process. Asks for each number, which needs no descriptor
/// and works on every Unix.
///
/// A system hands out the lowest free number, and no test has this many descriptors open when it
/// asks. So a descriptor that leaks is below this bound.
pub fn descriptors() -> BTreeSet<RawFd> {
    const BOUND: RawFd = 1024;
    // SAFETY: asking for the flags of a number touches no memory.
    let is_open = |number: &RawFd| unsafe { nix::libc::fcntl(*number, nix::libc::F_GETFD) } != -1;
    (0..BOUND).filter(is_open).collect()
}

/// The clocks of this system that need no privilege.
pub fn clocks() -> Vec<Clock> {
    let all = [Clock::Monotonic, Clock::Realtime, Clock::Boottime];
    all.into_iter().filter(|clock| clock.now().is_ok()).collect()
}

/// The backends of this system.
pub fn backends_here() -> impl Iterator<Item = Backend> {
    backends::ALL.iter().copied().filter(|&backend| !is_missing(backend))
}

pub fn is_missing(backend: Backend) -> bool {
    backend.capabilities(Clock::Monotonic).is_err_and(|e| e.kind() == io::ErrorKind::Unsupported)
}

pub fn open_on(backend: Backend, clock: Clock) -> TimerFd {
    TimerFd::builder(clock).backend(backend).open().unwrap()
}

/// Returns a builder for a timer of the `userspace` backend.
pub fn userspace_builder(clock: Clock) -> TimerFdBuilder {
    TimerFd::builder(clock).backend(backends::userspace::BACKEND)
}

/// Returns the modes of a descriptor.
pub fn is_nonblocking_and_closed_on_exec(fd: &impl AsFd) -> (bool, bool) {
    let status = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap());
    let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD).unwrap());
    (status.contains(OFlag::O_NONBLOCK), flags.contains(FdFlag::FD_CLOEXEC))
}

/// A raw `read(2)` of eight bytes.
pub fn raw_read(fd: &impl AsFd) -> io::Result<u64> {
    let mut bytes = [0; 8];
    assert_eq!(nix::unistd::read(fd, &mut bytes)?, 8);
    Ok(u64::from_ne_bytes(bytes))
}

/// A raw read that waits. On some systems, a read in another thread switches the mode of the
/// descriptor for a moment. A raw read that begins then fails with `EAGAIN` and is repeated.
pub fn raw_read_waiting(fd: &impl AsFd) -> io::Result<u64> {
    const SWITCHES: bool = cfg!(any(portable_timerfd_test_posix, not(target_os = "linux")));
    loop {
        match raw_read(fd) {
            Err(e) if SWITCHES && e.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// Returns the events that `poll(2)` reports within this time, of all events that can be requested.
/// Miri does not support urgent events.
pub fn polled(fd: &impl AsFd, timeout: impl Into<PollTimeout>) -> PollFlags {
    let urgent = if cfg!(miri) { PollFlags::empty() } else { PollFlags::POLLPRI };
    let all = PollFlags::POLLIN | PollFlags::POLLOUT | urgent;
    let mut fds = [PollFd::new(fd.as_fd(), all)];
    poll(&mut fds, timeout).unwrap();
    fds[0].revents().unwrap()
}

pub fn is_readable(fd: &impl AsFd) -> bool {
    polled(fd, 0u8).contains(PollFlags::POLLIN)
}

/// Waits until the descriptor is readable, without a limit.
pub fn until_readable(fd: &impl AsFd) {
    while !polled(fd, PollTimeout::NONE).contains(PollFlags::POLLIN) {}
}

/// Returns how often a schedule has expired at this time of its clock.
pub fn expirations(first: ClockTime, interval: Duration, now: ClockTime) -> u64 {
    match now.checked_duration_since(first) {
        Some(since) => u64::try_from(since.as_nanos() / interval.as_nanos()).unwrap() + 1,
        None => 0,
    }
}

/// Asserts that the result of `count` lies between the counts by the clock before and after the
/// call.
///
/// `count` must wait for the timer, because a kernel may expire a timer some time after it is due.
#[track_caller]
pub fn assert_counts_by_the_clock(
    clock: Clock,
    first: ClockTime,
    interval: Duration,
    count: impl FnOnce() -> u64,
) -> u64 {
    assert_counts_by(|| clock.now().unwrap(), first, interval, count)
}

/// Like [`assert_counts_by_the_clock`], with any clock.
#[track_caller]
pub fn assert_counts_by(
    now: impl Fn() -> ClockTime,
    first: ClockTime,
    interval: Duration,
    count: impl FnOnce() -> u64,
) -> u64 {
    let least = expirations(first, interval, now());
    let count = count();
    let most = expirations(first, interval, now());
    assert!((least..=most).contains(&count), "{count} expirations, the clock says {least} to {most}");
    count
}
