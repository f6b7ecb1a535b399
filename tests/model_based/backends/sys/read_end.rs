//! The read end, which is always borrowed here: fd-only timers are not part of the model.

use super::fork_table::PipeEntry;
use super::{fd, nowait};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

#[derive(Debug)]
pub(crate) struct ReadEnd(RawFd);

impl ReadEnd {
    pub(crate) fn borrowed(reader: &OwnedFd) -> ReadEnd {
        ReadEnd(reader.as_raw_fd())
    }

    pub(crate) fn user_owned(reader: &OwnedFd, _: &PipeEntry) -> io::Result<ReadEnd> {
        Ok(ReadEnd::borrowed(reader))
    }

    pub(crate) fn set_by_fd_call(&mut self, _fd: Option<RawFd>) {}

    pub(crate) fn is_in_by_fd_call(&self) -> bool {
        false
    }

    #[allow(unsafe_code)]
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is closed after the last use of this.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }

    pub(crate) fn read_count(&self, _writer: BorrowedFd<'_>) -> io::Result<u64> {
        nowait::take_count(self.as_fd())
    }

    pub(crate) fn is_readable(&self, _writer: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(fd::is_readable(self.as_fd().as_fd()))
    }

    pub(crate) fn identity(&self, _writer: BorrowedFd<'_>) -> io::Result<fd::Identity> {
        fd::identity(self.0)
    }

    pub(crate) fn open_descriptors(&self, _writer: BorrowedFd<'_>, _first: RawFd) -> OpenDescriptors {
        OpenDescriptors::Some
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenDescriptors {
    Some,
    None,
    Search([RawFd; 2]),
}
