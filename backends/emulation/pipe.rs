//! The pipe of one timer: readable while expirations are unread, and holding their count.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::backends::sys::fork_table::PipeEntry;
use crate::backends::sys::read_end::{OpenDescriptors, ReadEnd};
use crate::backends::sys::{fd, pipe};
use crate::flags::CreateFlags;

/// A pipe that holds at most one message: a count, as a timerfd gives it.
///
/// Only one thread at a time may use it. Any thread may read from the read end at any time. The
/// read end of an owned timer must be open whenever a method is called.
#[derive(Debug)]
pub(crate) struct TimerPipe {
    reader: ReadEnd,
    writer: OwnedFd,
    is_fd_only: bool,
    /// Whether a message was written that may still be in the pipe.
    is_full: bool,
    messages: Messages,
}

/// The numbers of some messages. They are needed only while a thread is blocked in `read`.
#[derive(Debug, Default)]
struct Messages {
    /// The last message that was written.
    written: u32,
    /// The last message that was written before [`TimerPipe::invalidate`].
    stale: u32,
    /// The last message that was found to be consumed by a raw `read(2)`.
    consumed: u32,
    /// The last of these that is stale.
    consumed_stale: u32,
}

/// Whether a message that a raw `read(2)` has returned belongs to the present setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epoch {
    /// The message was written before the last [`TimerPipe::invalidate`].
    Stale,
    /// The message was written after it.
    Current,
    /// One message was written before, another one after, and both were read.
    Unknown,
}

/// A write of a count to a timer's pipe that runs after the timer was unlocked.
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
        fd::write_count_unlocked(self.writer, self.count)
    }
}

impl TimerPipe {
    /// An empty pipe, and its read end. The caller closes the read end after the last use of the
    /// pipe.
    pub(crate) fn new(flags: CreateFlags) -> io::Result<(TimerPipe, OwnedFd)> {
        let (reader, writer) = pipe::pipe(flags.nonblocking, flags.close_on_exec)?;
        Ok((TimerPipe::of(ReadEnd::borrowed(&reader), writer, false), reader))
    }

    /// Like [`new`](TimerPipe::new), for an fd-only timer: any code may close the read end at any
    /// time.
    pub(crate) fn fd_only(flags: CreateFlags, entry: &PipeEntry) -> io::Result<(TimerPipe, OwnedFd)> {
        let (reader, writer) = pipe::listed_pipe(flags.nonblocking, flags.close_on_exec, entry)?;
        Ok((TimerPipe::of(ReadEnd::user_owned(&reader, entry)?, writer, true), reader))
    }

    fn of(reader: ReadEnd, writer: OwnedFd, is_fd_only: bool) -> TimerPipe {
        TimerPipe { reader, writer, is_fd_only, is_full: false, messages: Messages::default() }
    }

    pub(crate) fn is_fd_only(&self) -> bool {
        self.is_fd_only
    }

    /// A by-fd call begins with this descriptor, or ends.
    #[inline]
    pub(crate) fn set_by_fd_call(&mut self, fd: Option<RawFd>) {
        self.reader.set_by_fd_call(fd);
    }

    #[cfg(test)]
    pub(crate) fn is_in_by_fd_call(&self) -> bool {
        self.reader.is_in_by_fd_call()
    }

    /// The identity of the file that all descriptors of the read end refer to.
    pub(crate) fn identity(&self) -> io::Result<fd::Identity> {
        self.reader.identity(self.writer.as_fd())
    }

    /// Whether any descriptor of the read end is open. The first one had the number `first`.
    pub(crate) fn open_descriptors(&self, first: RawFd) -> OpenDescriptors {
        self.reader.open_descriptors(self.writer.as_fd(), first)
    }

    /// Whether the pipe may hold a message. A raw `read(2)` may have consumed it.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether a reader finds nothing. If the system refuses the answer, the pipe counts as full.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_full || matches!(self.reader.is_readable(self.writer.as_fd()), Ok(false))
    }

    /// Reads the message, so that the descriptor is not readable. Returns its count, 0 if there was
    /// no message, and `None` if a raw `read(2)` has consumed it.
    #[inline]
    pub(crate) fn drain(&mut self) -> io::Result<Option<u64>> {
        if !self.is_full {
            return Ok(Some(0));
        }
        let count = self.reader.read_count(self.writer.as_fd())?;
        self.is_full = false;
        if count == 0 {
            self.messages.consumed = self.messages.written;
            return Ok(None);
        }
        Ok(Some(count))
    }

    /// Reads a message that another program has written to the empty pipe.
    pub(crate) fn drain_foreign(&self) -> io::Result<u64> {
        self.reader.read_count(self.writer.as_fd())
    }

    /// Writes a message to the empty pipe, so that the descriptor is readable.
    pub(crate) fn write(&mut self, count: u64) -> io::Result<()> {
        let writer = self.writer.as_fd();
        if self.reader.is_in_by_fd_call() {
            fd::write_count_unsignaled(writer, count)?;
        } else {
            fd::write_count(writer, count)?;
        }
        self.record_write();
        Ok(())
    }

    /// Like [`write`](TimerPipe::write), except that the caller runs the returned write.
    pub(crate) fn begin_write(&mut self, count: u64) -> PipeWrite {
        self.record_write();
        PipeWrite::new(&self.writer, count)
    }

    fn record_write(&mut self) {
        self.is_full = true;
        // 0 is the number before the first message.
        self.messages.written = self.messages.written.wrapping_add(1).max(1);
    }

    /// Reads the message of a write that has begun, if the pipe holds it by now.
    pub(crate) fn drain_in_flight(&mut self) -> io::Result<Option<u64>> {
        let count = self.reader.read_count(self.writer.as_fd())?;
        self.is_full = count == 0;
        Ok((count > 0).then_some(count))
    }

    /// The pipe has refused a write that had begun.
    pub(crate) fn refuse_in_flight(&mut self) {
        self.is_full = false;
    }

    /// Numbers the messages from 0 again. No thread may be blocked in `read`.
    pub(crate) fn restart_numbers(&mut self) {
        self.messages = Messages::default();
    }

    /// The number of the last message.
    pub(crate) fn last_message(&self) -> u32 {
        self.messages.written
    }

    /// Marks all messages written so far as stale, also those that a reader has and has not yet
    /// reported.
    pub(crate) fn invalidate(&mut self) {
        self.messages.consumed_stale = self.messages.consumed;
        self.messages.stale = self.messages.written;
    }

    /// The epoch of a message that a reader has just got. When the reader found the pipe empty,
    /// `last` was the last message.
    pub(crate) fn epoch(&self, last: u32) -> Epoch {
        let Messages { written, stale, consumed, consumed_stale } = self.messages;
        if written == last {
            // Another program has opened the pipe and written to it.
            Epoch::Current
        } else if written == stale {
            Epoch::Stale
        } else if consumed_stale <= last {
            Epoch::Current
        } else if consumed > stale || (self.is_full && self.is_empty()) {
            Epoch::Unknown
        } else {
            Epoch::Stale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer_pipe() -> (TimerPipe, OwnedFd) {
        TimerPipe::new(CreateFlags::default()).unwrap()
    }

    fn raw_read(reader: &OwnedFd) -> u64 {
        fd::read_count(reader.as_fd()).unwrap().unwrap()
    }

    #[test]
    fn a_message_is_read_once_by_the_pipe_or_by_a_raw_read() {
        let (mut pipe, reader) = timer_pipe();
        assert_eq!(pipe.drain().unwrap(), Some(0));
        pipe.write(3).unwrap();
        assert_eq!(pipe.drain().unwrap(), Some(3));
        pipe.write(4).unwrap();
        assert!(!pipe.is_empty());
        assert_eq!(raw_read(&reader), 4);
        assert!(pipe.is_full() && pipe.is_empty(), "a raw read is not reported");
        assert_eq!(pipe.drain().unwrap(), None);
        assert_eq!(pipe.drain().unwrap(), Some(0));
        assert!(!pipe.is_full());
    }

    #[test]
    fn a_message_read_before_an_invalidation_is_distinguished_from_a_later_one() {
        let (mut pipe, reader) = timer_pipe();
        let before = pipe.last_message();
        pipe.write(1).unwrap();
        raw_read(&reader);
        assert_eq!(pipe.epoch(before), Epoch::Current);
        pipe.drain().unwrap();
        pipe.invalidate();
        assert_eq!(pipe.epoch(before), Epoch::Stale);
        pipe.write(2).unwrap();
        assert_eq!(pipe.epoch(before), Epoch::Stale, "the second message is unread");
        raw_read(&reader);
        assert_eq!(pipe.epoch(before), Epoch::Unknown, "both messages were read");
        assert_eq!(pipe.epoch(pipe.last_message() - 1), Epoch::Current, "for a reader that came in between");
    }

    #[test]
    fn a_message_drained_before_an_invalidation_is_not_attributed_to_a_reader() {
        let (mut pipe, reader) = timer_pipe();
        let before = pipe.last_message();
        pipe.write(1).unwrap();
        assert_eq!(pipe.drain().unwrap(), Some(1));
        pipe.invalidate();
        pipe.write(2).unwrap();
        raw_read(&reader);
        assert_eq!(pipe.epoch(before), Epoch::Current);
    }
}
