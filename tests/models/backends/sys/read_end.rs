//! The end to read from, always on loan here: who gives it away is not part of the model.

use super::fork_table::PipeEntry;
use super::{fd, nowait};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

#[derive(Debug)]
pub(crate) struct ReadEnd(RawFd);

impl ReadEnd {
    pub(crate) fn lent(reader: &OwnedFd) -> ReadEnd {
        ReadEnd(reader.as_raw_fd())
    }

    pub(crate) fn given_away(reader: &OwnedFd, _: &PipeEntry) -> io::Result<ReadEnd> {
        Ok(ReadEnd::lent(reader))
    }

    pub(crate) fn call(&mut self, _by: Option<RawFd>) {}

    pub(crate) fn is_called(&self) -> bool {
        false
    }

    #[allow(unsafe_code)]
    fn borrowed(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is closed after the last use of this.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }

    pub(crate) fn take_count(&self, _writer: BorrowedFd<'_>) -> io::Result<u64> {
        nowait::take_count(self.borrowed())
    }

    pub(crate) fn is_readable(&self, _writer: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(fd::is_readable(self.borrowed().as_fd()))
    }

    pub(crate) fn is_given_away(&self) -> bool {
        false
    }

    pub(crate) fn identity(&self, _writer: BorrowedFd<'_>) -> io::Result<fd::Identity> {
        fd::identity(self.0)
    }

    pub(crate) fn holders(&self, _writer: BorrowedFd<'_>, _number: RawFd) -> Holders {
        Holders::Some
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holders {
    Some,
    None,
    ToBeSought([RawFd; 2]),
}
