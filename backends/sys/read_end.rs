//! How the maker of a pipe comes at the end that others read from, and may close.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::fd::{has_no_reader, identity, move_high, unread, wait_readable, Identity};
use super::nowait::take_count;
use super::sync::Instant;
use super::system::SYSTEM;

/// The end of a timer's pipe to read from, as its maker has it.
///
/// There are thousands of these in some processes: packed, it fits where there was room.
#[derive(Debug)]
#[repr(C, packed)]
pub(crate) struct ReadEnd {
    way: Way,
    /// On loan or kept; -1 if there is none.
    fd: RawFd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Somebody else has it, who closes it only after the last use of this.
    Lent,
    /// Whoever has it may close it at any time: by way of the other end, through which the system opens it anew. What is lent is the
    /// number of a call's descriptor, for as long as the call takes.
    Apart,
    /// The same where the system can't: a duplicate of it, which is closed with this.
    Kept,
}

impl ReadEnd {
    /// It belongs to somebody else, who must not close it for as long as this is used.
    pub(crate) fn lent(reader: &OwnedFd) -> ReadEnd {
        ReadEnd { way: Way::Lent, fd: reader.as_raw_fd() }
    }

    /// It will be given away, and may be closed by anybody without a word.
    pub(crate) fn given_away(reader: &OwnedFd, writer: &OwnedFd) -> io::Result<ReadEnd> {
        if (SYSTEM.open_again)(writer.as_fd()).is_ok() {
            return Ok(ReadEnd { way: Way::Apart, fd: -1 });
        }
        let kept = move_high(reader.try_clone()?);
        Ok(ReadEnd { way: Way::Kept, fd: kept.into_raw_fd() })
    }

    /// Lends it the number of a descriptor of one that was given away, or takes that back.
    pub(crate) fn lend(&mut self, fd: Option<RawFd>) {
        if self.way == Way::Apart {
            self.fd = fd.unwrap_or(-1);
        }
    }

    fn borrowed(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: the descriptor is open. One on loan: whoever lent it sees to it; for a timer's, the latch, which alone has it, is
        // used under the lock of the timer's state, and taken out of there before the timer closes its descriptor. For a call's, its
        // caller does: who closes a descriptor during a call on it gets what comes of that. One that is kept is ours.
        (self.fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(self.fd) })
    }

    /// Takes the count that the pipe holds, however many others may be reading it; 0 if it holds none.
    #[inline]
    pub(crate) fn take_count(&self, writer: BorrowedFd<'_>) -> io::Result<u64> {
        match (self.way, self.borrowed()) {
            (Way::Lent | Way::Kept, Some(reader)) => take_count(reader),
            (_, lent) => take_count_apart(writer, lent),
        }
    }

    /// Whether a reader would find something.
    pub(crate) fn is_readable(&self, writer: BorrowedFd<'_>) -> io::Result<bool> {
        match (self.way, self.borrowed()) {
            (Way::Lent | Way::Kept, Some(reader)) => wait_readable(reader, Some(Instant::now())),
            _ => unread(writer).map(|bytes| bytes > 0),
        }
    }

    /// What keeps a write from finding no reader, of which the caller's thread would be told by a signal; an error if it can't be had.
    #[inline]
    pub(crate) fn hold(&self, writer: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
        match self.way {
            // Without a call's number it is the timer thread that writes, which takes no signals.
            Way::Apart if self.fd >= 0 => (SYSTEM.open_again)(writer).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn is_given_away(&self) -> bool {
        self.way != Way::Lent
    }

    /// What all descriptors of the pipe have in common with no other file, to be found again by them.
    pub(crate) fn identity(&self, writer: BorrowedFd<'_>) -> io::Result<Identity> {
        match (self.way, self.borrowed()) {
            (Way::Lent | Way::Kept, Some(reader)) => identity(reader.as_raw_fd()),
            _ => identity(writer.as_raw_fd()),
        }
    }

    /// Who has a descriptor of it, one that had this `number` at first.
    pub(crate) fn holders(&self, writer: BorrowedFd<'_>, number: RawFd) -> Holders {
        match (self.way, self.borrowed()) {
            (Way::Lent, _) => Holders::Some,
            (Way::Kept, Some(kept)) => match (identity(kept.as_raw_fd()), identity(number)) {
                (Ok(ours), Ok(found)) if ours == found => Holders::Some,
                _ => Holders::ToBeSought([kept.as_raw_fd(), writer.as_raw_fd()]),
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

/// By way of the other end, or else by the descriptor on loan.
fn take_count_apart(writer: BorrowedFd<'_>, lent: Option<BorrowedFd<'_>>) -> io::Result<u64> {
    // To ask is cheap, and takes no descriptor.
    if unread(writer)? == 0 {
        return Ok(0);
    }
    match ((SYSTEM.open_again)(writer), lent) {
        (Ok(own), _) => take_count(own.as_fd()),
        (Err(_), Some(lent)) => take_count(lent),
        (Err(e), None) => Err(e),
    }
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        if self.way == Way::Kept {
            // SAFETY: the number is of a duplicate that only this has, and it is not used again.
            drop(unsafe { OwnedFd::from_raw_fd(self.fd) });
        }
    }
}
