//! The library's access to the read end of a timer's pipe, which the timer's owner may close.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::error::is_out_of_descriptors;
use super::fd::{has_no_reader, identity, lowest_duplicate, unread, wait_readable, Identity};
use super::fork_table::PipeEntry;
use super::nowait::{take_count, take_count_of_own};
use super::short_lived::{with_duplicate, with_reopened};
use super::sync::Instant;
use super::system::SYSTEM;

/// The read end of a timer's pipe.
///
/// A process may have thousands of these. The packed type fits into the padding of other types.
#[derive(Debug)]
#[repr(C, packed)]
pub(crate) struct ReadEnd {
    kind: Kind,
    fd: RawFd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The timer's owner closes the read end only after the last use of this value.
    Borrowed,
    /// Any code may close the read end at any time. The write end shows whether a read end is open.
    /// `fd` is the number at which the read end was last seen.
    UserOwned,
    /// Like `UserOwned`, but during a by-fd call. `fd` is the descriptor that the call was made
    /// with.
    InByFdCall,
    /// Any code may close the read end at any time, and the write end does not show this. `fd` is a
    /// duplicate that the library owns.
    Duplicated,
}

impl ReadEnd {
    /// The caller must keep the read end open while the result is used.
    pub(crate) fn borrowed(reader: &OwnedFd) -> ReadEnd {
        ReadEnd { kind: Kind::Borrowed, fd: reader.as_raw_fd() }
    }

    /// Any code may close the read end at any time.
    pub(crate) fn user_owned(reader: &OwnedFd, entry: &PipeEntry) -> io::Result<ReadEnd> {
        if SYSTEM.write_end_shows_readers {
            return Ok(ReadEnd { kind: Kind::UserOwned, fd: reader.as_raw_fd() });
        }
        let duplicate = lowest_duplicate(reader.as_raw_fd())?;
        entry.set_duplicate(&duplicate);
        Ok(ReadEnd { kind: Kind::Duplicated, fd: duplicate.into_raw_fd() })
    }

    /// Records that a by-fd call with this descriptor begins, or that the call ends.
    pub(crate) fn set_by_fd_call(&mut self, fd: Option<RawFd>) {
        match (self.kind, fd) {
            (Kind::UserOwned | Kind::InByFdCall, Some(fd)) => *self = ReadEnd { kind: Kind::InByFdCall, fd },
            (Kind::InByFdCall, None) => self.kind = Kind::UserOwned,
            _ => {}
        }
    }

    /// Whether a user's thread is in a by-fd call. The library must not cause a signal in that
    /// thread, although the pipe may have no reader.
    pub(crate) fn is_in_by_fd_call(&self) -> bool {
        self.kind == Kind::InByFdCall
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open. Borrowed: the timer's owner closes it only after it has
        // taken the timer's pipe, which owns this value, out of the locked state. Duplicated: this
        // value owns it. User-owned: the caller has checked that `fd` still refers to this pipe.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    /// Reads the count that the pipe holds, or 0. Other readers may read at the same time.
    #[inline]
    pub(crate) fn read_count(&self, writer: BorrowedFd<'_>) -> io::Result<u64> {
        match self.kind {
            Kind::Borrowed | Kind::Duplicated => take_count(self.as_fd()),
            Kind::UserOwned | Kind::InByFdCall => self.read_user_owned(writer),
        }
    }

    /// Reads through a descriptor that no other code closes: a duplicate of `fd`, or the reopened
    /// read end if `fd` does not refer to the pipe any more.
    fn read_user_owned(&self, writer: BorrowedFd<'_>) -> io::Result<u64> {
        // This check is cheap and needs no descriptor.
        if unread(writer).is_ok_and(|bytes| bytes == 0) {
            return Ok(0);
        }
        let file = identity(writer.as_raw_fd())?;
        match with_duplicate(self.fd, file, take_count) {
            Ok(Some(count)) => count,
            // No descriptor is free. Read through the caller's descriptor, which the caller must
            // not close during the call.
            Err(e) if self.is_in_by_fd_call() && is_out_of_descriptors(&e) && identity(self.fd).ok() == Some(file) => {
                take_count(self.as_fd())
            }
            Err(e) => Err(e),
            Ok(None) => with_reopened(writer, file, take_count_of_own)?,
        }
    }

    /// Whether the pipe holds a message.
    pub(crate) fn is_readable(&self, writer: BorrowedFd<'_>) -> io::Result<bool> {
        match self.kind {
            Kind::Borrowed | Kind::Duplicated => wait_readable(self.as_fd(), Some(Instant::now())),
            Kind::UserOwned | Kind::InByFdCall => unread(writer).map(|bytes| bytes > 0),
        }
    }

    /// The identity of the file that all descriptors of the read end refer to.
    pub(crate) fn identity(&self, writer: BorrowedFd<'_>) -> io::Result<Identity> {
        match self.kind {
            Kind::Borrowed | Kind::Duplicated => identity(self.as_fd().as_raw_fd()),
            Kind::UserOwned | Kind::InByFdCall => identity(writer.as_raw_fd()),
        }
    }

    /// Whether any descriptor of a user-owned read end is open. The first one had the number
    /// `first`.
    pub(crate) fn open_descriptors(&self, writer: BorrowedFd<'_>, first: RawFd) -> OpenDescriptors {
        match self.kind {
            Kind::Borrowed => OpenDescriptors::Some,
            Kind::Duplicated => match (identity(self.fd), identity(first)) {
                (Ok(own), Ok(found)) if own == found => OpenDescriptors::Some,
                _ => OpenDescriptors::Search([self.fd, writer.as_raw_fd()]),
            },
            _ if has_no_reader(writer) => OpenDescriptors::None,
            _ => OpenDescriptors::Some,
        }
    }
}

/// Whether any descriptor of a user-owned read end is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenDescriptors {
    Some,
    None,
    /// The descriptors of this process must be searched. These two belong to the library.
    Search([RawFd; 2]),
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        if self.kind == Kind::Duplicated {
            // SAFETY: only this owns the duplicate, and does not use it again.
            drop(unsafe { OwnedFd::from_raw_fd(self.fd) });
        }
    }
}
