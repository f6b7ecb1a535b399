//! The pipe of one timer: readable while there are expirations not yet read, holding their count.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::backends::sys::sync::{Arc, Instant};
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
    /// How many messages were put: the number of the last one.
    puts: u64,
    /// The last message that was put before all those became void.
    void: u64,
    /// The last message that somebody else was found to have read; and the last such among the void ones.
    gone: u64,
    gone_void: u64,
}

/// What a message was that came out of a latch by a plain read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was put before messages became void.
    Void,
    /// After that.
    Current,
    /// There was one before and one after, and both were read, each by somebody.
    Unknown,
}

impl Latch {
    /// An empty latch, and its descriptor for the user.
    pub(super) fn new(flags: CreateFlags) -> io::Result<(Latch, Arc<OwnedFd>)> {
        let (reader, writer) = fd::pipe(flags.nonblocking, flags.close_on_exec)?;
        let reader = Arc::new(reader);
        let latch = Latch {
            reader: Arc::clone(&reader),
            writer: fd::move_high(writer),
            raised: false,
            puts: 0,
            void: 0,
            gone: 0,
            gone_void: 0,
        };
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

    /// Takes the message out and returns its count, 0 if there is none: the descriptor is not readable any more. `None` if
    /// there was one, and somebody else has read it.
    #[inline]
    pub(super) fn take(&mut self) -> io::Result<Option<u64>> {
        if !self.raised {
            return Ok(Some(0));
        }
        let count = nowait::take_count(self.reader.as_fd())?;
        self.raised = false;
        if count == 0 {
            self.gone = self.puts;
            return Ok(None);
        }
        Ok(Some(count))
    }

    /// Takes out of the empty latch what somebody else has written there.
    pub(super) fn take_foreign(&self) -> io::Result<u64> {
        nowait::take_count(self.reader.as_fd())
    }

    /// Puts a message into the empty latch: the descriptor is readable.
    pub(super) fn put(&mut self, count: u64) -> io::Result<()> {
        fd::write_count(self.writer.as_fd(), count)?;
        self.raised = true;
        self.puts += 1;
        Ok(())
    }

    /// The number of the last message.
    pub(super) fn last(&self) -> u64 {
        self.puts
    }

    /// Makes all messages void that were put until now, whoever has read them and not yet said so.
    pub(super) fn make_void(&mut self) {
        self.gone_void = self.gone;
        self.void = self.puts;
    }

    /// What a message was that somebody has just read who found the latch empty after this last one.
    pub(super) fn origin(&self, last: u64) -> Origin {
        if self.puts == last {
            // Not one of ours: whoever opens the pipe anew can write there.
            Origin::Current
        } else if self.puts == self.void {
            Origin::Void
        } else if self.gone_void <= last {
            Origin::Current
        } else if self.gone > self.void || (self.raised && self.is_empty()) {
            Origin::Unknown
        } else {
            Origin::Void
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latch() -> (Latch, Arc<OwnedFd>) {
        Latch::new(CreateFlags::default()).unwrap()
    }

    fn plain_read(reader: &OwnedFd) -> u64 {
        fd::read_count(reader.as_fd()).unwrap().unwrap()
    }

    #[test]
    fn what_was_put_is_taken_once_by_either_road() {
        let (mut latch, reader) = latch();
        assert_eq!(latch.take().unwrap(), Some(0));
        latch.put(3).unwrap();
        assert_eq!(latch.take().unwrap(), Some(3));
        latch.put(4).unwrap();
        assert!(!latch.is_empty());
        assert_eq!(plain_read(&reader), 4);
        assert!(latch.is_raised() && latch.is_empty(), "a reader of the descriptor tells nobody");
        assert_eq!(latch.take().unwrap(), None);
        assert_eq!(latch.take().unwrap(), Some(0));
        assert!(!latch.is_raised());
    }

    #[test]
    fn a_message_that_was_read_before_all_became_void_is_told_from_one_after() {
        let (mut latch, reader) = latch();
        let before = latch.last();
        latch.put(1).unwrap();
        plain_read(&reader);
        assert_eq!(latch.origin(before), Origin::Current);
        latch.take().unwrap();
        latch.make_void();
        assert_eq!(latch.origin(before), Origin::Void);
        latch.put(2).unwrap();
        assert_eq!(latch.origin(before), Origin::Void, "the second is there");
        plain_read(&reader);
        assert_eq!(latch.origin(before), Origin::Unknown, "both have been read");
        assert_eq!(latch.origin(latch.last() - 1), Origin::Current, "for one who came between");
    }

    #[test]
    fn what_was_taken_away_before_it_was_void_is_not_in_anybodys_hands() {
        let (mut latch, reader) = latch();
        let before = latch.last();
        latch.put(1).unwrap();
        assert_eq!(latch.take().unwrap(), Some(1));
        latch.make_void();
        latch.put(2).unwrap();
        plain_read(&reader);
        assert_eq!(latch.origin(before), Origin::Current);
    }
}
