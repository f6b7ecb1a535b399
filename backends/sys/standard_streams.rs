//! Keeps the numbers of the standard streams, 0 to 2, free of the library's own descriptors: what a
//! program without standard streams prints must not become a count.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use super::fd::{is_open, FIRST};
use super::fork_table::note_placeholders;
use super::system::SYSTEM;

/// Calls `open` while only `free` of the numbers below [`FIRST`] can be taken, the lowest that are
/// closed. The others that are closed refer to a folder meanwhile, which takes no writes, as a
/// closed number takes none.
pub(super) fn above_the_standard_streams<T>(free: usize, open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let closed = closed_above(free);
    if closed <= free {
        return open();
    }
    note_placeholders()?;
    let mut placeholders = Vec::with_capacity(closed);
    for _ in 0..closed {
        let folder = placeholder()?;
        // Another thread has opened a standard stream meanwhile, if this is not one.
        if folder.as_raw_fd() < FIRST {
            placeholders.push(folder);
        }
    }
    placeholders.drain(..free.min(placeholders.len()));
    open()
}

/// How many of the numbers are closed, unless they are at most `free`: then they are not all
/// counted.
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
