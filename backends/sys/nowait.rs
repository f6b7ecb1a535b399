//! Reading what a descriptor holds without ever waiting, whether or not it is in blocking mode.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Instant;

use super::error::{os_error, EAGAIN, EBADF, ECANCELED, EINTR, EOPNOTSUPP};
use super::fd::{self, is_nonblocking, read, set_nonblocking, wait_readable, whole_count, COUNT_SIZE};
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;

/// Takes the count that the pipe `fd` holds, however many others may be reading it; 0 if it holds
/// none.
///
/// Bytes that are not a whole count, left by somebody's short read, are thrown away.
#[inline]
pub(crate) fn take_count(fd: BorrowedFd<'_>) -> io::Result<u64> {
    take_count_by(read_pipe, fd)
}

/// The same by way of an open file description that only the library has, in non-blocking mode.
pub(crate) fn take_count_of_own(fd: BorrowedFd<'_>) -> io::Result<u64> {
    take_count_by(read, fd)
}

type Read = fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<usize>;

#[inline]
fn take_count_by(read: Read, fd: BorrowedFd<'_>) -> io::Result<u64> {
    // One byte more than a count, so that the rest of a torn message does not hide a whole one
    // behind it.
    let mut bytes = [0u8; 2 * COUNT_SIZE];
    match read(fd, &mut bytes) {
        Ok(COUNT_SIZE) => {
            let [message @ .., _, _, _, _, _, _, _, _] = bytes;
            Ok(u64::from_ne_bytes(message))
        }
        Ok(_) => Ok(0),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(e) => Err(e),
    }
}

/// One read of a count from a pipe that does not wait: `None` if there were no bytes though there
/// was something to read.
///
/// If the system refuses the flag of such a read, and the descriptor is in blocking mode, the read
/// waits if another reader reads at the same moment.
pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    PIPES.read_count(fd)
}

/// The same from a timerfd. If the system refuses the flag, the read also waits if another thread
/// sets the timer at the same moment. A timerfd cannot be opened anew.
#[inline]
pub(crate) fn read_timerfd(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    TIMERFDS.read_count(fd)
}

/// One kind of file, and whether a flag can tell a read of such a file not to wait.
struct Kind {
    refuses_the_flag: AtomicBool,
}

static PIPES: Kind = Kind::new();
static TIMERFDS: Kind = Kind::new();

impl Kind {
    const fn new() -> Kind {
        Kind { refuses_the_flag: AtomicBool::new(false) }
    }

    /// One read with the flag; `None` if another way of reading must be taken.
    ///
    /// A sandbox's refusal holds for all later reads of this kind of file. `EOPNOTSUPP` concerns one
    /// file: Linux gives the flag's support to the pipes that `pipe2` makes, and not to an end that a
    /// program opens anew by its name in `/proc`.
    #[inline]
    fn read_told_not_to_wait(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.refuses_the_flag.load(Ordering::Relaxed) || !examines_the_flag() {
            return Ok(None);
        }
        match (SYSTEM.read_told_not_to_wait)(fd, buffer) {
            Err(e) if !is_of_a_timer(&e) => {
                if e.raw_os_error() != Some(EOPNOTSUPP) {
                    self.refuses_the_flag.store(true, Ordering::Relaxed);
                }
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    #[inline]
    fn read_count(&self, fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
        let mut message = [0u8; COUNT_SIZE];
        match self.read_told_not_to_wait(fd, &mut message)? {
            Some(read) => Ok(whole_count(read, message)),
            None if wait_readable(fd, Some(Instant::now()))? => fd::read_count(fd),
            None => Err(os_error(EAGAIN)),
        }
    }
}

/// Whether a timer's descriptor can give this error. Otherwise the kernel is too old for the flag,
/// or a sandbox refuses the call, with whatever error it chose.
fn is_of_a_timer(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EAGAIN | EINTR | ECANCELED | EBADF))
}

/// Whether the system examines the flag: one of the following numbers.
static EXAMINES_THE_FLAG: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// Finds out once whether the system examines the flag of a read that must not wait.
///
/// This opens a file, which a sandbox may forbid later. So whatever makes a timer calls it.
pub(crate) fn prepare() {
    examines_the_flag();
}

fn examines_the_flag() -> bool {
    match EXAMINES_THE_FLAG.load(Ordering::Relaxed) {
        UNKNOWN => {
            let examines = (SYSTEM.examines_the_flag)();
            EXAMINES_THE_FLAG.store(if examines { YES } else { NO }, Ordering::Relaxed);
            examines
        }
        known => known == YES,
    }
}

/// A read of a pipe that does not wait.
fn read_pipe(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match PIPES.read_told_not_to_wait(fd, buffer)? {
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

    const WAYS: [Read; 3] = [read_pipe, reopened, switching];

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
