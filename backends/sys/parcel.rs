//! A message for a pipe that is written by who has let go of the lock under which the pipe is.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::fd::write_count;

/// A count, and the end of the pipe that it is for.
#[derive(Debug)]
pub(crate) struct Parcel {
    writer: RawFd,
    pub(crate) count: u64,
}

impl Parcel {
    /// Whoever has the end must not close it before this has been [delivered](Parcel::deliver) or dropped.
    pub(crate) fn new(writer: &OwnedFd, count: u64) -> Parcel {
        Parcel { writer: writer.as_raw_fd(), count }
    }

    /// Writes it.
    pub(crate) fn deliver(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open: it is the latch's, which is closed only by who has taken the timer's state, in which this was made,
        // and then waited for what is on its way (`Post`).
        write_count(unsafe { BorrowedFd::borrow_raw(self.writer) }, self.count)
    }
}
