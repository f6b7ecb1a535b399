//! Keeps the library's descriptors away from the numbers of the standard streams, 0 to 2.
//!
//! Otherwise, the output of a program without standard streams could be written to a timer's pipe
//! as a count.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::error::check;
use super::fd::{is_open, FIRST};
use super::fork_table::PlaceholdersInUse;
use super::system::SYSTEM;

/// Calls `open` while at most the `free` lowest closed numbers below [`FIRST`] are available.
///
/// During the call, the other closed numbers below `FIRST` refer to a directory. A write to it
/// fails, like a write to a closed number.
pub(super) fn above_the_standard_streams<T>(free: usize, open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let closed = closed_above(free);
    if closed <= free {
        return open();
    }
    // Dropped after the placeholders, which are closed then.
    let _in_use = PlaceholdersInUse::begin()?;
    let mut placeholders = Vec::with_capacity(closed);
    for _ in 0..closed {
        let directory = placeholder()?;
        // A higher number means that another thread has opened a standard stream in the meantime.
        if directory.as_raw_fd() < FIRST {
            placeholders.push(directory);
        }
    }
    placeholders.drain(..free.min(placeholders.len()));
    open()
}

/// Counts the closed numbers below [`FIRST`]. If at most `free` of them are closed, the result can
/// be smaller.
fn closed_above(free: usize) -> usize {
    let mut closed = 0;
    for number in (0..FIRST).rev() {
        if closed + (number as usize) < free {
            break;
        }
        closed += usize::from(!is_open(number));
    }
    closed
}

/// Opens a directory. Does not use std's `OpenOptions`, because that removes `O_PATH` on musl,
/// where the flag is a part of `O_ACCMODE`.
fn placeholder() -> io::Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | SYSTEM.no_access;
    // SAFETY: the path ends with a zero.
    let fd = check(unsafe { libc::open(b"/\0".as_ptr().cast(), flags) })?;
    // SAFETY: the system has just created this descriptor, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
