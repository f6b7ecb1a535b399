//! The pipe of one timer: readable while there are expirations not yet read, holding their count.

use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use crate::backends::sys::fork_table::PipeEntry;
use crate::backends::sys::parcel::Parcel;
use crate::backends::sys::read_end::{Holders, ReadEnd};
use crate::backends::sys::{fd, pipe};
use crate::flags::CreateFlags;

/// A pipe that holds at most one message: a count, as a timerfd gives it.
///
/// Only one thread at a time may use it, and, unless that was given away, only while the descriptor to read from is open; anybody may
/// read that at any time.
#[derive(Debug)]
pub(crate) struct Latch {
    reader: ReadEnd,
    writer: OwnedFd,
    /// Whether a message was put that may still be there.
    raised: bool,
    messages: Messages,
}

/// The numbers of messages, counted while somebody may ask for the origin of one.
#[derive(Debug, Default)]
struct Messages {
    /// The last one put.
    put: u32,
    /// The last one that was put before all those became void.
    void: u32,
    /// The last one that somebody else was found to have read; and the last such among the void ones.
    gone: u32,
    gone_void: u32,
}

/// What a message was that came out of a latch by a plain read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was put before messages became void.
    Void,
    /// After that.
    Current,
    /// There was one before and one after, and both were read, each by somebody.
    Unknown,
}

impl Latch {
    /// An empty latch, and its descriptor for the user, to be closed after the last use of the latch.
    pub(crate) fn new(flags: CreateFlags) -> io::Result<(Latch, OwnedFd)> {
        let (reader, writer) = pipe::pipe(flags.nonblocking, flags.close_on_exec)?;
        Ok((Latch::of(ReadEnd::lent(&reader), writer), reader))
    }

    /// The same, for an fd-only timer: its descriptor may be closed by any code at any time.
    pub(crate) fn given_away(flags: CreateFlags, entry: &PipeEntry) -> io::Result<(Latch, OwnedFd)> {
        let (reader, writer) = pipe::listed_pipe(flags.nonblocking, flags.close_on_exec, entry)?;
        Ok((Latch::of(ReadEnd::given_away(&reader, entry)?, writer), reader))
    }

    fn of(reader: ReadEnd, writer: OwnedFd) -> Latch {
        Latch { reader, writer, raised: false, messages: Messages::default() }
    }

    /// A call by its descriptor, if that was given away, begins, or ends.
    #[inline]
    pub(crate) fn call(&mut self, by: Option<RawFd>) {
        self.reader.call(by);
    }

    /// Whether a call by its descriptor is under way.
    #[cfg(test)]
    pub(crate) fn is_called(&self) -> bool {
        self.reader.is_called()
    }

    /// Whether its descriptor was given away.
    pub(crate) fn is_given_away(&self) -> bool {
        self.reader.is_given_away()
    }

    /// What its descriptors have in common with no other file.
    pub(crate) fn identity(&self) -> io::Result<fd::Identity> {
        self.reader.identity(self.writer.as_fd())
    }

    /// Who has its descriptor, which had this `number` at first.
    pub(crate) fn holders(&self, number: RawFd) -> Holders {
        self.reader.holders(self.writer.as_fd(), number)
    }

    /// Whether there may be a message that nobody has read.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised
    }

    /// Whether nothing is there to be read, as a reader of the descriptor would find.
    pub(crate) fn is_empty(&self) -> bool {
        // What can't be asked is taken for full: then nothing is done.
        !self.raised || matches!(self.reader.is_readable(self.writer.as_fd()), Ok(false))
    }

    /// Takes the message out and returns its count, 0 if there is none: the descriptor is not readable any more. `None` if
    /// there was one, and somebody else has read it.
    #[inline]
    pub(crate) fn take(&mut self) -> io::Result<Option<u64>> {
        if !self.raised {
            return Ok(Some(0));
        }
        let count = self.reader.take_count(self.writer.as_fd())?;
        self.raised = false;
        if count == 0 {
            self.messages.gone = self.messages.put;
            return Ok(None);
        }
        Ok(Some(count))
    }

    /// Takes out of the empty latch what somebody else has written there.
    pub(crate) fn take_foreign(&self) -> io::Result<u64> {
        self.reader.take_count(self.writer.as_fd())
    }

    /// Puts a message into the empty latch: the descriptor is readable.
    pub(crate) fn put(&mut self, count: u64) -> io::Result<()> {
        let writer = self.writer.as_fd();
        if self.reader.is_called() {
            fd::write_count_unsignaled(writer, count)?;
        } else {
            fd::write_count(writer, count)?;
        }
        self.raise();
        Ok(())
    }

    /// The same, but for the writing: the message is on its way until the parcel has been delivered.
    pub(crate) fn post(&mut self, count: u64) -> Parcel {
        self.raise();
        Parcel::new(&self.writer, count)
    }

    fn raise(&mut self) {
        self.raised = true;
        // None is number 0, which stands for before the first.
        self.messages.put = self.messages.put.wrapping_add(1).max(1);
    }

    /// Takes the message that is on its way, if it has come by now.
    pub(crate) fn catch(&mut self) -> io::Result<Option<u64>> {
        let count = self.reader.take_count(self.writer.as_fd())?;
        self.raised = count == 0;
        Ok((count > 0).then_some(count))
    }

    /// What was on its way has not been taken by the pipe.
    pub(crate) fn return_to_sender(&mut self) {
        self.raised = false;
    }

    /// Begins to number the messages anew, since nobody will ask about those until now.
    pub(crate) fn number_anew(&mut self) {
        self.messages = Messages::default();
    }

    /// The number of the last message.
    pub(crate) fn last(&self) -> u32 {
        self.messages.put
    }

    /// Makes all messages void that were put until now, whoever has read them and not yet said so.
    pub(crate) fn make_void(&mut self) {
        self.messages.gone_void = self.messages.gone;
        self.messages.void = self.messages.put;
    }

    /// What a message was that somebody has just read who found the latch empty after this last one.
    pub(crate) fn origin(&self, last: u32) -> Origin {
        let Messages { put, void, gone, gone_void } = self.messages;
        if put == last {
            // Not one of ours: whoever opens the pipe anew can write there.
            Origin::Current
        } else if put == void {
            Origin::Void
        } else if gone_void <= last {
            Origin::Current
        } else if gone > void || (self.raised && self.is_empty()) {
            Origin::Unknown
        } else {
            Origin::Void
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latch() -> (Latch, OwnedFd) {
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
