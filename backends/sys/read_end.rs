//! How the maker of a pipe comes at the end that others read from, and may close.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::error::is_out_of_descriptors;
use super::fd::{has_no_reader, identity, lowest_duplicate, unread, wait_readable, Identity};
use super::fork_table::PipeEntry;
use super::nowait::{take_count, take_count_of_own};
use super::short_lived::{with_duplicate, with_reopened};
use super::sync::Instant;
use super::system::SYSTEM;

/// The end of a timer's pipe to read from, as its maker has it.
///
/// There are thousands of these in some processes: packed, it fits where there was room.
#[derive(Debug)]
#[repr(C, packed)]
pub(crate) struct ReadEnd {
    way: Way,
    fd: RawFd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Somebody else has it, who closes it only after the last use of this.
    Lent,
    /// Whoever has it may close it at any time. The other end tells of that. The number is one that
    /// it had when it was last seen.
    Apart,
    /// The same during a call by a descriptor of that number.
    Called,
    /// The same where the other end tells nothing: a duplicate of it, which is closed with this.
    Kept,
}

impl ReadEnd {
    /// It belongs to somebody else, who must not close it for as long as this is used.
    pub(crate) fn lent(reader: &OwnedFd) -> ReadEnd {
        ReadEnd { way: Way::Lent, fd: reader.as_raw_fd() }
    }

    /// It will be given away, and may be closed by anybody without a word.
    pub(crate) fn given_away(reader: &OwnedFd, entry: &PipeEntry) -> io::Result<ReadEnd> {
        if SYSTEM.writers_know_readers {
            return Ok(ReadEnd { way: Way::Apart, fd: reader.as_raw_fd() });
        }
        let kept = lowest_duplicate(reader.as_raw_fd())?;
        entry.set_duplicate(&kept);
        Ok(ReadEnd { way: Way::Kept, fd: kept.into_raw_fd() })
    }

    /// A call by a descriptor of one that was given away begins, or ends.
    pub(crate) fn call(&mut self, by: Option<RawFd>) {
        match (self.way, by) {
            (Way::Apart | Way::Called, Some(fd)) => *self = ReadEnd { way: Way::Called, fd },
            (Way::Called, None) => self.way = Way::Apart,
            _ => {}
        }
    }

    /// Whether a user's thread is at work, whose signals are not ours, and there may be no reader.
    pub(crate) fn is_called(&self) -> bool {
        self.way == Way::Called
    }

    fn borrowed(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open. One on loan: whoever lent it sees to it; for a timer's,
        // the latch, which alone has it, is used under the lock of the timer's state, and taken out
        // of there before the timer closes its descriptor. One that is kept is ours. One that was
        // given away is asked for who it is before.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    /// Takes the count that the pipe holds, however many others may be reading it; 0 if it holds
    /// none.
    #[inline]
    pub(crate) fn take_count(&self, writer: BorrowedFd<'_>) -> io::Result<u64> {
        match self.way {
            Way::Lent | Way::Kept => take_count(self.borrowed()),
            Way::Apart | Way::Called => self.take_apart(writer),
        }
    }

    /// Reads a duplicate, which no other code closes, of the number where it was last seen, or else
    /// opens it anew by way of the write end.
    fn take_apart(&self, writer: BorrowedFd<'_>) -> io::Result<u64> {
        // To ask is cheap, and takes no descriptor.
        if unread(writer).is_ok_and(|bytes| bytes == 0) {
            return Ok(0);
        }
        let file = identity(writer.as_raw_fd())?;
        match with_duplicate(self.fd, file, take_count) {
            Ok(Some(count)) => count,
            // Without a descriptor left, by the caller's own, which he does not close meanwhile if
            // he means well.
            Err(e) if self.is_called() && is_out_of_descriptors(&e) && identity(self.fd).ok() == Some(file) => {
                take_count(self.borrowed())
            }
            Err(e) => Err(e),
            Ok(None) => with_reopened(writer, file, take_count_of_own)?,
        }
    }

    /// Whether a reader would find something.
    pub(crate) fn is_readable(&self, writer: BorrowedFd<'_>) -> io::Result<bool> {
        match self.way {
            Way::Lent | Way::Kept => wait_readable(self.borrowed(), Some(Instant::now())),
            Way::Apart | Way::Called => unread(writer).map(|bytes| bytes > 0),
        }
    }

    pub(crate) fn is_given_away(&self) -> bool {
        self.way != Way::Lent
    }

    /// What all descriptors of the pipe have in common with no other file, to be found again by
    /// them.
    pub(crate) fn identity(&self, writer: BorrowedFd<'_>) -> io::Result<Identity> {
        match self.way {
            Way::Lent | Way::Kept => identity(self.borrowed().as_raw_fd()),
            Way::Apart | Way::Called => identity(writer.as_raw_fd()),
        }
    }

    /// Who has a descriptor of it, one that had this `number` at first.
    pub(crate) fn holders(&self, writer: BorrowedFd<'_>, number: RawFd) -> Holders {
        match self.way {
            Way::Lent => Holders::Some,
            Way::Kept => match (identity(self.fd), identity(number)) {
                (Ok(ours), Ok(found)) if ours == found => Holders::Some,
                _ => Holders::ToBeSought([self.fd, writer.as_raw_fd()]),
            },
            _ if has_no_reader(writer) => Holders::None,
            _ => Holders::Some,
        }
    }
}

/// Whether anybody has a descriptor of an end that was given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holders {
    Some,
    None,
    /// Among what this process has open, beside these of its maker's.
    ToBeSought([RawFd; 2]),
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        if self.way == Way::Kept {
            // SAFETY: the number is of a duplicate that only this has, and it is not used again.
            drop(unsafe { OwnedFd::from_raw_fd(self.fd) });
        }
    }
}
