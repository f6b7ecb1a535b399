//! The timer type that the adapters register with event loops.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::backends::sys::fd::set_nonblocking;
use crate::timer::Timer;

/// A timer in an event loop, in non-blocking mode.
#[derive(Debug)]
pub(super) struct Source<T> {
    timer: T,
    /// The descriptor at the registration.
    ///
    /// Later, the timer's own `as_pollable` might return another one.
    fd: RawFd,
}

impl<T: Timer> Source<T> {
    pub(super) fn new(timer: T) -> io::Result<Source<T>> {
        let fd = timer.as_pollable().as_raw_fd();
        set_nonblocking(&fd, true)?;
        Ok(Source { timer, fd })
    }

    /// Reads the timer without waiting. Returns `None` if the timer has not expired.
    pub(super) fn read_ready(&self) -> Option<io::Result<u64>> {
        match self.timer.read() {
            Err(e) if e.kind() == ErrorKind::WouldBlock => None,
            read => Some(read),
        }
    }
}

impl<T> Source<T> {
    pub(super) fn get_ref(&self) -> &T {
        &self.timer
    }

    pub(super) fn into_inner(self) -> T {
        self.timer
    }
}

impl<T: Timer> AsFd for Source<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_pollable()
    }
}

impl<T> AsRawFd for Source<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

/// Returns whether the descriptor is readable now.
#[cfg(any(feature = "async-io", feature = "tokio"))]
pub(super) fn is_readable(fd: &impl AsFd) -> io::Result<bool> {
    crate::backends::sys::fd::wait_readable(fd.as_fd(), Some(std::time::Instant::now()))
}
