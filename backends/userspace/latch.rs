//! The pipe of one timer: readable while there are expirations not yet read, holding their count.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use crate::backends::sys::{fd, nowait};
use crate::flags::CreateFlags;

/// A pipe that holds at most one message: a count, as a timerfd gives it.
///
/// Only one thread at a time may use it; anybody may read the descriptor at any time.
#[derive(Debug)]
pub(super) struct Latch {
    reader: Arc<OwnedFd>,
    writer: OwnedFd,
    /// Whether a message was put that may still be there.
    raised: bool,
}

impl Latch {
    /// An empty latch, and its descriptor for the user.
    pub(super) fn new(flags: CreateFlags) -> io::Result<(Latch, Arc<OwnedFd>)> {
        let (reader, writer) = fd::pipe(flags.nonblocking, flags.close_on_exec)?;
        let reader = Arc::new(reader);
        let latch = Latch { reader: Arc::clone(&reader), writer: fd::move_high(writer), raised: false };
        Ok((latch, reader))
    }

    /// Whether there may be a message that nobody has read.
    pub(super) fn is_raised(&self) -> bool {
        self.raised
    }

    /// Whether nothing is there to be read, as a reader of the descriptor would find.
    pub(super) fn is_empty(&self) -> bool {
        // What can't be asked is taken for full: then nothing is done.
        !self.raised || matches!(fd::wait_readable(self.reader.as_fd(), Some(Instant::now())), Ok(false))
    }

    /// Takes the message out and returns its count, 0 if there is none: the descriptor is not readable any more.
    #[inline]
    pub(super) fn take(&mut self) -> io::Result<u64> {
        if !self.raised {
            return Ok(0);
        }
        let count = nowait::take_count(self.reader.as_fd())?;
        self.raised = false;
        Ok(count)
    }

    /// Puts a message into the empty latch: the descriptor is readable.
    pub(super) fn put(&mut self, count: u64) -> io::Result<()> {
        fd::write_count(self.writer.as_fd(), count)?;
        self.raised = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_taken_once_by_either_road() {
        let (mut latch, reader) = Latch::new(CreateFlags::default()).unwrap();
        assert_eq!(latch.take().unwrap(), 0);
        latch.put(3).unwrap();
        assert_eq!(latch.take().unwrap(), 3);
        latch.put(4).unwrap();
        assert!(!latch.is_empty());
        assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(4));
        assert!(latch.is_raised() && latch.is_empty(), "a reader of the descriptor tells nobody");
        assert_eq!(latch.take().unwrap(), 0);
        assert!(!latch.is_raised());
    }
}
