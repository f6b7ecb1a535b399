//! A descriptor on loan.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The number of a descriptor that belongs to somebody else, who must not close it for as long as this is used.
#[derive(Debug)]
pub(crate) struct Lent(RawFd);

impl Lent {
    pub(crate) fn of(fd: &OwnedFd) -> Lent {
        Lent(fd.as_raw_fd())
    }
}

impl AsFd for Lent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open: whoever lent it sees to it. For a timer's: the latch, which alone has it on loan, is
        // used under the lock of the timer's state, and taken out of there before the timer closes its descriptor.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
