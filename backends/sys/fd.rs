//! Descriptors: pipes, counts read and written, readiness.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use cfg_if::cfg_if;

use super::error::check;

/// The size of the one message a timer's descriptor gives.
pub(crate) const COUNT_SIZE: usize = size_of::<u64>();

/// Both ends of a new pipe, closed on `exec`: the one to read from, with the flags asked for, and the one to write to,
/// which is non-blocking and always closed on `exec`.
pub(crate) fn pipe(nonblocking: bool, close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = private_pipe()?;
    if !nonblocking {
        set_nonblocking(&reader, false)?;
    }
    if !close_on_exec {
        // SAFETY: changing a flag of a descriptor we own touches no memory.
        check(unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETFD, 0) })?;
    }
    Ok((reader, writer))
}

cfg_if! {
    if #[cfg(any(target_vendor = "apple", target_os = "haiku"))] {
        /// A pipe whose ends are both non-blocking and closed on `exec`. There is no `pipe2`, so that a descriptor can leak into
        /// a program executed by another thread in between.
        fn private_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
            let mut ends: [RawFd; 2] = [-1; 2];
            // SAFETY: `ends` is a valid place for two descriptors.
            check(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
            let (reader, writer) = own(ends);
            for end in [&reader, &writer] {
                // SAFETY: changing a flag of a descriptor we own touches no memory.
                check(unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
                set_nonblocking(end, true)?;
            }
            Ok((reader, writer))
        }
    } else {
        /// A pipe whose ends are both non-blocking and closed on `exec`.
        fn private_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
            let mut ends: [RawFd; 2] = [-1; 2];
            // SAFETY: `ends` is a valid place for two descriptors.
            check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
            Ok(own(ends))
        }
    }
}

fn own([reader, writer]: [RawFd; 2]) -> (OwnedFd, OwnedFd) {
    // SAFETY: the system has just made both descriptors for us, and nobody else knows them.
    unsafe { (OwnedFd::from_raw_fd(reader), OwnedFd::from_raw_fd(writer)) }
}

/// Switches `O_NONBLOCK` of the open file description behind `fd`; says whether it was on.
pub(super) fn set_nonblocking(fd: &impl AsRawFd, on: bool) -> io::Result<bool> {
    let fd = fd.as_raw_fd();
    // SAFETY: asking for flags touches no memory.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    let was_on = flags & libc::O_NONBLOCK != 0;
    if was_on != on {
        // SAFETY: setting flags touches no memory.
        check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags ^ libc::O_NONBLOCK) })?;
    }
    Ok(was_on)
}

/// Moves a descriptor that users never see out of the low numbers, which they count on and `select` is limited to.
/// It stays where it is if the system doesn't let it go so high.
pub(crate) fn move_high(fd: OwnedFd) -> OwnedFd {
    const HIGH: RawFd = 700;
    // SAFETY: duplicating a descriptor touches no memory.
    match check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGH) }) {
        // SAFETY: the system has just made this descriptor for us, and nobody else knows it.
        Ok(high) => unsafe { OwnedFd::from_raw_fd(high) },
        Err(_) => fd,
    }
}

/// One `read(2)` of a count: `None` at the end of the file, or if what came is not a count's size.
#[inline]
pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut message = [0u8; COUNT_SIZE];
    let read = read(fd, &mut message)?;
    Ok(whole_count(read, message))
}

/// The count that so many bytes of a message are, if they are a whole one.
pub(super) fn whole_count(read: usize, message: [u8; COUNT_SIZE]) -> Option<u64> {
    (read == COUNT_SIZE).then_some(u64::from_ne_bytes(message))
}

/// One `read(2)`: how many bytes came.
#[inline]
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buffer` is valid for writes of its length.
    let read = check(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })?;
    Ok(read.unsigned_abs())
}

/// One `write(2)` of a count.
pub(crate) fn write_count(fd: BorrowedFd<'_>, count: u64) -> io::Result<()> {
    let message = count.to_ne_bytes();
    // SAFETY: `message` is valid for reads of its length.
    check(unsafe { uncanceled::write(fd.as_raw_fd(), message.as_ptr().cast(), COUNT_SIZE) })?;
    Ok(())
}

cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        /// The bare system call: the C library's `write` takes note, in a program of several threads, that the thread may be
        /// canceled there, which costs a sixth of the call. (A `read` can wait, and is a point to cancel at, as users expect.)
        mod uncanceled {
            use libc::{c_int, c_long, c_void, size_t};

            #[inline]
            pub(super) unsafe fn write(fd: c_int, buffer: *const c_void, size: size_t) -> c_long {
                // SAFETY: as the caller says of `write(2)`.
                unsafe { libc::syscall(libc::SYS_write, c_long::from(fd), buffer, size) }
            }
        }
    } else {
        use libc as uncanceled;
    }
}

/// Waits until a read of `fd` would not block (`true`) or the deadline has passed (`false`), through signals.
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `entry` is one valid `pollfd`.
        match check(unsafe { libc::poll(&mut entry, 1, left.map_or(-1, poll_timeout)) }) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok(false),
            Ok(0) => {}
            Ok(_) => return Ok(true),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Milliseconds, rounded up, as `poll(2)` takes them.
fn poll_timeout(left: Duration) -> libc::c_int {
    let millis = left.saturating_add(Duration::from_nanos(999_999)).as_millis();
    libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writing_end_neither_waits_nor_is_inherited_whatever_the_other_does() {
        for (nonblocking, close_on_exec) in [(true, true), (true, false), (false, true), (false, false)] {
            let (reader, writer) = pipe(nonblocking, close_on_exec).unwrap();
            for (end, waits, stays) in [(&reader, !nonblocking, close_on_exec), (&writer, false, true)] {
                // SAFETY: asking for flags touches no memory.
                let flags = |what| unsafe { libc::fcntl(end.as_raw_fd(), what) };
                assert_eq!(flags(libc::F_GETFL) & libc::O_NONBLOCK == 0, waits);
                assert_eq!(flags(libc::F_GETFD) & libc::FD_CLOEXEC != 0, stays);
            }
        }
    }
}
