//! A write to a timer's pipe that runs after the timer was unlocked.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::fd::write_count;

/// A count, and the write end that it is written to.
#[derive(Debug)]
pub(crate) struct PipeWrite {
    writer: RawFd,
    pub(crate) count: u64,
}

impl PipeWrite {
    /// The write end must stay open until the write has [run](PipeWrite::run) or is dropped.
    pub(crate) fn new(writer: &OwnedFd, count: u64) -> PipeWrite {
        PipeWrite { writer: writer.as_raw_fd(), count }
    }

    pub(crate) fn run(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open. The timer's pipe owns it, and is closed only by a thread
        // that has locked the timer's state, which recorded this write, and then waited for the
        // write in flight (`InFlight`).
        write_count(unsafe { BorrowedFd::borrow_raw(self.writer) }, self.count)
    }
}
