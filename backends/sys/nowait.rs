//! Reading what a descriptor holds without ever waiting, whether or not it is in blocking mode.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use cfg_if::cfg_if;

use super::error::{os_error, EAGAIN};
use super::fd::{self, read, set_nonblocking, wait_readable, whole_count, COUNT_SIZE};

/// Takes the count that `fd` holds, however many others may be reading it; 0 if it holds none.
///
/// Bytes that are not a whole count, left by somebody's short read, are thrown away.
pub(crate) fn take_count(fd: BorrowedFd<'_>) -> io::Result<u64> {
    // One byte more than a count, so that the rest of a torn message does not hide a whole one behind it.
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

/// One `read(2)` of a count that is not to wait: `None` if there were no bytes though there was something to read.
///
/// Where the system can't say so to a read, it waits if somebody else reads at the same moment and the descriptor is in
/// blocking mode.
pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut message = [0u8; COUNT_SIZE];
    match told_not_to_wait(fd, &mut message)? {
        Some(read) => Ok(whole_count(read, message)),
        None if wait_readable(fd, Some(Instant::now()))? => fd::read_count(fd),
        None => Err(os_error(EAGAIN)),
    }
}

/// A read of a pipe that does not wait.
fn read_nowait(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    match told_not_to_wait(fd, buffer)? {
        Some(read) => Ok(read),
        None => reopened(fd, buffer),
    }
}

cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        use std::io::Write;
        use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

        use super::error::check;

        /// One system call, where the kernel has it for such a descriptor; `None` where it has not.
        fn told_not_to_wait(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
            let mut place = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let current: libc::c_long = -1;
            // SAFETY: `place` describes `buffer`, which is valid for writes of its length. Its address is passed as the
            // system call wants it, and an offset of -1, in two halves, is the present position.
            let read = check(unsafe {
                libc::syscall(
                    libc::SYS_preadv2,
                    libc::c_long::from(fd.as_raw_fd()),
                    std::ptr::addr_of_mut!(place),
                    1 as libc::c_long,
                    current,
                    current,
                    libc::c_long::from(libc::RWF_NOWAIT),
                )
            });
            match read {
                Ok(read) => Ok(Some(read.unsigned_abs() as usize)),
                // The kernel is too old, or a sandbox knows no better.
                Err(e) if matches!(e.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM)) => Ok(None),
                Err(e) => Err(e),
            }
        }

        /// Reads by way of an open file description of its own, which nobody else can switch to blocking.
        fn reopened(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
            match open_again(fd) {
                Ok(own) => read(own.as_fd(), buffer),
                // There is no `/proc`, or no descriptor left.
                Err(_) => switching(fd, buffer),
            }
        }

        fn open_again(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
            let mut path = [0u8; 32];
            // The zero that ends the path is there already.
            write!(&mut path[..31], "/proc/self/fd/{}", fd.as_raw_fd())?;
            let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC;
            // SAFETY: `path` ends with a zero.
            let own = check(unsafe { libc::open(path.as_ptr().cast(), flags) })?;
            // SAFETY: the system has just made this descriptor for us, and nobody else knows it.
            Ok(unsafe { OwnedFd::from_raw_fd(own) })
        }
    } else {
        /// The system knows no such call.
        fn told_not_to_wait(_fd: BorrowedFd<'_>, _buffer: &mut [u8]) -> io::Result<Option<usize>> {
            Ok(None)
        }

        use switching as reopened;
    }
}

/// Switches the descriptor to non-blocking mode for the length of the read, and back.
///
/// Nothing is switched if there is nothing to read. The bounds of it: somebody else's blocking read that begins in between fails
/// with `EAGAIN` (one that waits already is not disturbed), and somebody else's switching of the mode in between is lost, or
/// makes this read wait if the pipe is emptied at the same moment too.
fn switching(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    if !wait_readable(fd, Some(Instant::now()))? {
        return Err(os_error(EAGAIN));
    }
    let was_nonblocking = set_nonblocking(&fd, true)?;
    let read = read(fd, buffer);
    if !was_nonblocking {
        set_nonblocking(&fd, false)?;
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::sys::fd::{pipe, write_count};
    use std::os::fd::AsFd;

    type Read = fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<usize>;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const WAYS: [Read; 3] = [read_nowait, reopened, switching];
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const WAYS: [Read; 1] = [switching];

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
            assert!(!set_nonblocking(&reader, false).unwrap(), "the mode is as it was");
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
