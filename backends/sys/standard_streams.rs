//! Keeps the library's descriptors away from the numbers of the standard streams, 0 to 2.
//!
//! Otherwise, the output of a program without standard streams could be written to a timer's pipe
//! as a count.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

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

fn placeholder() -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(SYSTEM.no_access).open("/")
}
