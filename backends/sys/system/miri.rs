//! Miri, which interprets a program: its pipes, without the calls that it has no notion of.

use std::io;
use std::os::fd::BorrowedFd;

use super::row::{System, POSIX};
use crate::backends::sys::fd::{is_nonblocking, read};

pub(crate) const SYSTEM: System =
    System { pipe2: Some(libc::pipe2), pipes_may_go_both_ways: false, read_told_not_to_wait, ..POSIX };

/// It has no way to tell a read, and no `poll`: a descriptor in blocking mode is out of its reach.
fn read_told_not_to_wait(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    if is_nonblocking(&fd)? {
        return read(fd, buffer).map(Some);
    }
    Ok(None)
}
