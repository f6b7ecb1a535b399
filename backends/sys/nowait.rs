//! Reads that never wait, even if the descriptor is in blocking mode.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Instant;

use super::error::{os_error, EAGAIN, EBADF, ECANCELED, EINTR, EOPNOTSUPP};
use super::fd::{self, is_nonblocking, read, set_nonblocking, wait_readable, whole_count, COUNT_SIZE};
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;

/// Reads the count that the pipe `fd` holds, or 0 if it holds none.
///
/// Other readers may read at the same time. Bytes that are not a whole count, because another
/// reader has read a part of one, are discarded.
#[inline]
pub(crate) fn take_count(fd: BorrowedFd<'_>) -> io::Result<u64> {
    take_count_by(read_pipe, fd)
}

/// Like [`take_count`], but `fd` has an open file description of its own in non-blocking mode, so
/// an ordinary read does not wait.
pub(crate) fn take_count_of_own(fd: BorrowedFd<'_>) -> io::Result<u64> {
    take_count_by(read, fd)
}

type Read = fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<usize>;

#[inline]
fn take_count_by(read: Read, fd: BorrowedFd<'_>) -> io::Result<u64> {
    // Another program may have read a part of a message. If the buffer had the size of one count,
    // the rest of that message and the start of the next one would look like a count. This buffer
    // has the size of two counts, so the read takes both messages completely.
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

/// Reads a count from a pipe once, without waiting. Returns `None` if the pipe is readable but the
/// read does not return a whole count.
///
/// If the system does not support `RWF_NOWAIT` and the descriptor is in blocking mode, the read
/// waits if another reader empties the pipe at the same moment.
pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    PIPES.read_count(fd)
}

/// Like [`read_count`], but from a timerfd. If the system does not support `RWF_NOWAIT`, the read
/// also waits if another thread sets the timer at the same moment. A timerfd cannot be reopened.
#[inline]
pub(crate) fn read_timerfd(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    TIMERFDS.read_count(fd)
}

/// One kind of file, and whether reads of such files refuse `RWF_NOWAIT`.
struct Kind {
    refuses_nowait_flag: AtomicBool,
}

static PIPES: Kind = Kind::new();
static TIMERFDS: Kind = Kind::new();

impl Kind {
    const fn new() -> Kind {
        Kind { refuses_nowait_flag: AtomicBool::new(false) }
    }

    /// Reads once with `RWF_NOWAIT`. Returns `None` if the flag cannot be used, so that the caller
    /// must read in another way.
    ///
    /// If a sandbox refuses the call, the flag is not used for any later read of this kind of file.
    /// `EOPNOTSUPP` concerns only one file: Linux supports the flag for pipes created by `pipe2`,
    /// but not for an end that a program has reopened by its name in `/proc`.
    #[inline]
    fn read_nowait(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.refuses_nowait_flag.load(Ordering::Relaxed) || !examines_nowait_flag() {
            return Ok(None);
        }
        match (SYSTEM.read_nowait)(fd, buffer) {
            Err(e) if !is_of_a_timer(&e) => {
                if e.raw_os_error() != Some(EOPNOTSUPP) {
                    self.refuses_nowait_flag.store(true, Ordering::Relaxed);
                }
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    #[inline]
    fn read_count(&self, fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
        let mut message = [0u8; COUNT_SIZE];
        match self.read_nowait(fd, &mut message)? {
            Some(read) => Ok(whole_count(read, message)),
            None if wait_readable(fd, Some(Instant::now()))? => fd::read_count(fd),
            None => Err(os_error(EAGAIN)),
        }
    }
}

/// Whether a read of a timer's descriptor can return this error.
///
/// Any other error means that the kernel is too old for the flag, or that a sandbox refuses the
/// call with an error of its choice.
fn is_of_a_timer(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EAGAIN | EINTR | ECANCELED | EBADF))
}

/// Whether the system examines the flag: `UNKNOWN`, `NO` or `YES`.
static EXAMINES_NOWAIT_FLAG: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// Checks whether the system examines `RWF_NOWAIT`, until there is an answer.
///
/// The check opens a directory, which a sandbox may forbid later. So every function that creates a
/// timer calls this first. If no descriptor is left, the next timer repeats the check.
pub(crate) fn prepare() {
    if EXAMINES_NOWAIT_FLAG.load(Ordering::Relaxed) == UNKNOWN {
        if let Some(examines) = (SYSTEM.examines_nowait_flag)() {
            EXAMINES_NOWAIT_FLAG.store(if examines { YES } else { NO }, Ordering::Relaxed);
        }
    }
}

fn examines_nowait_flag() -> bool {
    EXAMINES_NOWAIT_FLAG.load(Ordering::Relaxed) == YES
}

/// Reads from a pipe without waiting.
fn read_pipe(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match PIPES.read_nowait(fd, buffer)? {
        Some(read) => Ok(read),
        None => read_reopened(fd, buffer),
    }
}

/// Reads through an open file description of its own. If the pipe cannot be reopened, switches the
/// mode of the descriptor.
fn read_reopened(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match above_the_standard_streams(0, || (SYSTEM.reopen)(fd)) {
        Ok(own) => read(own.as_fd(), buffer),
        Err(_) => read_switched(fd, buffer),
    }
}

/// How often this process has switched a descriptor to non-blocking mode for the duration of a
/// read.
static SWITCHED: AtomicUsize = AtomicUsize::new(0);

/// Whether a read of this descriptor must wait, although it has just failed with `EAGAIN`.
///
/// This happens if the read began while another thread had switched the mode. Call this only while
/// no other thread can switch the mode.
pub(crate) fn must_wait(fd: BorrowedFd<'_>) -> bool {
    SWITCHED.load(Ordering::Relaxed) > 0 && is_nonblocking(&fd).is_ok_and(|nonblocking| !nonblocking)
}

/// Switches the descriptor to non-blocking mode for the duration of the read.
///
/// If the pipe is empty, the mode is not switched. While the mode is switched:
///
/// - A blocking read that another thread begins fails with `EAGAIN`. A read that already waits
///   continues to wait.
/// - If another thread changes the mode, that change is lost, or this read waits if the pipe is
///   also emptied at the same moment.
fn read_switched(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // If `poll(2)` fails, read nevertheless. A descriptor limit of zero forbids `poll(2)`.
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

    const WAYS: [Read; 3] = [read_pipe, read_reopened, read_switched];

    /// Tests every way of reading a descriptor in blocking mode. A bug blocks the test forever.
    #[test]
    fn reading_an_empty_pipe_in_blocking_mode_does_not_wait() {
        let (reader, writer) = pipe(false, true).unwrap();
        for read in WAYS {
            let mut bytes = [0u8; 16];
            let empty = read(reader.as_fd(), &mut bytes).unwrap_err();
            assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
            write_count(writer.as_fd(), 5).unwrap();
            assert_eq!(read(reader.as_fd(), &mut bytes).unwrap(), COUNT_SIZE);
            assert!(!is_nonblocking(&reader).unwrap(), "the mode is unchanged");
        }
    }

    #[test]
    fn take_count_discards_a_torn_message_and_reads_the_next_one() {
        let (reader, writer) = pipe(true, true).unwrap();
        write_count(writer.as_fd(), 5).unwrap();
        assert_eq!(nix::unistd::read(&reader, &mut [0u8; 3]).unwrap(), 3);
        assert_eq!(take_count(reader.as_fd()).unwrap(), 0);
        write_count(writer.as_fd(), 6).unwrap();
        assert_eq!(take_count(reader.as_fd()).unwrap(), 6);
    }
}
