//! A timer as loops know it.

use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::AsTimer;
use crate::backends::sys::fd::set_nonblocking;

/// A timer in a loop, in non-blocking mode. Its methods are those of what it was made of.
#[derive(Debug)]
pub struct Source<T> {
    timer: T,
    /// What it was registered by, whatever it might show later.
    fd: RawFd,
}

impl<T: AsTimer> Source<T> {
    pub(super) fn new(timer: T) -> io::Result<Source<T>> {
        let fd = timer.as_timer().as_raw_fd();
        set_nonblocking(&fd, true)?;
        Ok(Source { timer, fd })
    }

    /// What there is for who waits, without waiting; nothing, if it has not expired after all.
    pub(super) fn read_ready(&self) -> Option<io::Result<u64>> {
        match self.timer.as_timer().read() {
            Err(e) if e.kind() == ErrorKind::WouldBlock => None,
            read => Some(read),
        }
    }

    pub(super) fn into_inner(self) -> T {
        self.timer
    }
}

impl<T> Deref for Source<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.timer
    }
}

impl<T: AsTimer> AsFd for Source<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_timer().as_fd()
    }
}

impl<T> AsRawFd for Source<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}
