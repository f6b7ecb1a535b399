//! Reading what a descriptor holds without ever waiting, whether or not it is in blocking mode.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::error::{os_error, EAGAIN};
use super::fd::{self, is_nonblocking, read, set_nonblocking, wait_readable, whole_count, COUNT_SIZE};
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;

/// Takes the count that `fd` holds, however many others may be reading it; 0 if it holds none.
///
/// Bytes that are not a whole count, left by somebody's short read, are thrown away.
pub(crate) fn take_count(fd: BorrowedFd<'_>) -> io::Result<u64> {
    // One byte more than a count, so that the rest of a torn message does not hide a whole one
    // behind it.
    let mut bytes = [0u8; 2 * COUNT_SIZE];
    match read_nowait(fd, &mut bytes) {
        Ok(COUNT_SIZE) => {
            let [message @ .., _, _, _, _, _, _, _, _] = bytes;
            Ok(u64::from_ne_bytes(message))
        }
        Ok(_) => Ok(0),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(e) => Err(e),
    }
}

/// One `read(2)` of a count that is not to wait: `None` if there were no bytes though there was
/// something to read.
///
/// Where the system can't say so to a read, it waits if somebody else reads at the same moment and
/// the descriptor is in blocking mode.
pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut message = [0u8; COUNT_SIZE];
    match (SYSTEM.read_told_not_to_wait)(fd, &mut message)? {
        Some(read) => Ok(whole_count(read, message)),
        None if wait_readable(fd, Some(Instant::now()))? => fd::read_count(fd),
        None => Err(os_error(EAGAIN)),
    }
}

/// A read of a pipe that does not wait.
fn read_nowait(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match (SYSTEM.read_told_not_to_wait)(fd, buffer)? {
        Some(read) => Ok(read),
        None => reopened(fd, buffer),
    }
}

/// Reads by way of an open file description of its own, if there can be one.
fn reopened(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match above_the_standard_streams(0, || (SYSTEM.open_again)(fd)) {
        Ok(own) => read(own.as_fd(), buffer),
        Err(_) => switching(fd, buffer),
    }
}

/// How often a descriptor of this process has been switched to non-blocking mode for the length of
/// a read.
static SWITCHED: AtomicUsize = AtomicUsize::new(0);

/// Whether a descriptor is to wait, though a read has just failed with `EAGAIN`: it began while
/// another thread had switched the mode. To be asked while no other thread can.
pub(crate) fn is_to_wait(fd: BorrowedFd<'_>) -> bool {
    SWITCHED.load(Ordering::Relaxed) > 0 && is_nonblocking(&fd).is_ok_and(|nonblocking| !nonblocking)
}

/// Switches the descriptor to non-blocking mode for the length of the read, and back.
///
/// Nothing is switched if there is nothing to read. The bounds of it: somebody else's blocking read
/// that begins in between fails with `EAGAIN` (one that waits already is not disturbed), and
/// somebody else's switching of the mode in between is lost, or makes this read wait if the pipe is
/// emptied at the same moment too.
fn switching(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // What can't be asked is tried: a limit of no descriptors at all forbids poll(2) too.
    if matches!(wait_readable(fd, Some(Instant::now())), Ok(false)) {
        return Err(os_error(EAGAIN));
    }
    let was_nonblocking = set_nonblocking(&fd, true)?;
    let read = read(fd, buffer);
    if !was_nonblocking {
        SWITCHED.fetch_add(1, Ordering::Relaxed);
        set_nonblocking(&fd, false)?;
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::sys::fd::write_count;
    use crate::backends::sys::pipe::pipe;

    type Read = fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<usize>;
    const WAYS: [Read; 3] = [read_nowait, reopened, switching];

    /// Every way of reading, on a descriptor in blocking mode: a mistake blocks the test for ever.
    #[test]
    fn an_empty_pipe_in_blocking_mode_is_told_without_waiting() {
        let (reader, writer) = pipe(false, true).unwrap();
        for read in WAYS {
            let mut bytes = [0u8; 16];
            let empty = read(reader.as_fd(), &mut bytes).unwrap_err();
            assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
            write_count(writer.as_fd(), 5).unwrap();
            assert_eq!(read(reader.as_fd(), &mut bytes).unwrap(), COUNT_SIZE);
            assert!(!is_nonblocking(&reader).unwrap(), "the mode is as it was");
        }
    }

    #[test]
    fn a_torn_message_is_thrown_away_and_the_next_is_whole() {
        let (reader, writer) = pipe(true, true).unwrap();
        write_count(writer.as_fd(), 5).unwrap();
        assert_eq!(nix::unistd::read(&reader, &mut [0u8; 3]).unwrap(), 3);
        assert_eq!(take_count(reader.as_fd()).unwrap(), 0);
        write_count(writer.as_fd(), 6).unwrap();
        assert_eq!(take_count(reader.as_fd()).unwrap(), 6);
    }
}
