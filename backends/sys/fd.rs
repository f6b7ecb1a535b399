//! Descriptors: modes, counts read and written, readiness.

use std::io;
use std::mem::{size_of, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::error::check;
use super::system::SYSTEM;

/// The size of the one message a timer's descriptor gives.
pub(crate) const COUNT_SIZE: usize = size_of::<u64>();

/// Whether `O_NONBLOCK` of the open file description behind `fd` is on.
pub(crate) fn is_nonblocking(fd: &impl AsRawFd) -> io::Result<bool> {
    Ok(status_flags(fd)? & libc::O_NONBLOCK != 0)
}

/// Switches `O_NONBLOCK` of the open file description behind `fd`; says whether it was on.
pub(crate) fn set_nonblocking(fd: &(impl AsRawFd + ?Sized), on: bool) -> io::Result<bool> {
    let flags = status_flags(fd)?;
    let was_on = flags & libc::O_NONBLOCK != 0;
    if was_on != on {
        // SAFETY: setting flags touches no memory.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags ^ libc::O_NONBLOCK) })?;
    }
    Ok(was_on)
}

/// Switches the close-on-exec flag of a descriptor.
pub(super) fn set_close_on_exec(fd: &OwnedFd, on: bool) -> io::Result<()> {
    let flags = if on { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: setting a flag touches no memory.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, flags) }).map(drop)
}

/// Sets the modes of a new descriptor, which is non-blocking and close-on-exec so far.
pub(super) fn set_modes(fd: &OwnedFd, nonblocking: bool, close_on_exec: bool) -> io::Result<()> {
    if !nonblocking {
        set_nonblocking(fd, false)?;
    }
    if !close_on_exec {
        set_close_on_exec(fd, false)?;
    }
    Ok(())
}

fn status_flags(fd: &(impl AsRawFd + ?Sized)) -> io::Result<libc::c_int> {
    // SAFETY: asking for flags touches no memory.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

/// The lowest number that a descriptor of the library's may have: those below are the standard
/// streams'.
pub(super) const FIRST: RawFd = 3;

/// A duplicate at the lowest free number above those of the standard streams.
///
/// Not at a high number: in a process with threads, a table of descriptors that grows makes Linux
/// wait for all processors, for ten milliseconds and more.
pub(super) fn lowest_duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: duplicating a descriptor touches no memory.
    let duplicate = check(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, FIRST) })?;
    // SAFETY: the system has just made this descriptor, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(duplicate) })
}

/// Makes the descriptor `number` refer to the file of the descriptor `from`, closed on `exec`. The
/// file that it referred to before is closed.
pub(super) fn duplicate_onto(from: RawFd, number: RawFd) -> io::Result<()> {
    (SYSTEM.duplicate_onto)(from, number)
}

/// Whether the descriptor can be read; `false` if it is not open. The write end of a pipe can't.
pub(super) fn is_readable_mode(number: RawFd) -> bool {
    status_flags(&number).is_ok_and(|flags| flags & libc::O_ACCMODE != libc::O_WRONLY)
}

/// Whether the descriptor has the mark by which the library tells a read end that it has opened
/// anew from a user's.
pub(super) fn has_mark(number: RawFd) -> bool {
    has_flag(number, SYSTEM.mark)
}

/// Whether the descriptor is a folder that can be neither read nor written, as the library opens
/// one.
pub(super) fn is_placeholder(number: RawFd) -> bool {
    has_flag(number, SYSTEM.no_access)
}

/// Whether the descriptor has a flag of `open`, which is 0 if the system has none.
fn has_flag(number: RawFd, flag: libc::c_int) -> bool {
    flag != 0 && status_flags(&number).is_ok_and(|flags| flags & flag == flag)
}

/// Closes a descriptor that has no owner.
pub(super) fn close(number: RawFd) {
    // SAFETY: the callers have seen that the number refers to a pipe of the library's that nothing
    // uses any more.
    unsafe { libc::close(number) };
}

/// Whether the number refers to a file.
pub(super) fn is_open(number: RawFd) -> bool {
    // SAFETY: asking for flags touches no memory.
    let flags = check(unsafe { libc::fcntl(number, libc::F_GETFD) });
    // A sandbox that refuses the question says nothing of the number.
    !flags.is_err_and(|e| e.raw_os_error() == Some(libc::EBADF))
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
    (SYSTEM.write)(fd, &count.to_ne_bytes()).map(drop)
}

/// The same, when there may be no reader: nobody is signalled.
pub(crate) fn write_count_unsignaled(fd: BorrowedFd<'_>, count: u64) -> io::Result<()> {
    (SYSTEM.write_unsignaled)(fd, &count.to_ne_bytes()).map(drop)
}

/// Waits until a read of `fd` would not block (`true`) or the deadline has passed (`false`),
/// through signals.
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match poll(fd, libc::POLLIN, left.map_or(-1, poll_timeout)) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok(false),
            Ok(0) => {}
            Ok(_) => return Ok(true),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Whether a write of `fd` would not block.
pub(super) fn is_writable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    loop {
        match poll(fd, libc::POLLOUT, 0) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            shown => return Ok(shown? & libc::POLLOUT != 0),
        }
    }
}

/// Whether everybody has closed the end to read from of the pipe whose other end this is.
///
/// # Platforms
///
/// Linux says so (`pipe_poll`); of other systems it is not asked.
pub(super) fn has_no_reader(writer: BorrowedFd<'_>) -> bool {
    poll(writer, 0, 0).is_ok_and(|shown| shown & libc::POLLERR != 0)
}

/// How many bytes a pipe holds; on Linux either end can be asked.
pub(super) fn unread(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: `bytes` is a valid place for the number.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD as _, &mut bytes) })?;
    Ok(bytes)
}

/// What all descriptors of a file have in common with those of no other file: its device and its
/// number there.
pub(crate) type Identity = (u64, u64);

/// The identity of the file behind this number; `EBADF` if nothing is open there.
pub(crate) fn identity(number: RawFd) -> io::Result<Identity> {
    status(number).map(|file| identity_in(&file))
}

/// The identity of the pipe behind this number, if it is one.
#[allow(clippy::unnecessary_cast)] // the types are not the same everywhere
pub(super) fn pipe_identity(number: RawFd) -> Option<Identity> {
    let file = status(number).ok()?;
    let kind = file.st_mode as u32 & libc::S_IFMT as u32;
    (kind == libc::S_IFIFO as u32).then(|| identity_in(&file))
}

#[allow(clippy::unnecessary_cast)] // the types are not the same everywhere
fn identity_in(file: &libc::stat) -> Identity {
    (file.st_dev as u64, file.st_ino as u64)
}

fn status(number: RawFd) -> io::Result<libc::stat> {
    let mut file = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `file` is a valid place for what is told of a file. A number behind which nothing is
    // open is an error.
    check(unsafe { libc::fstat(number, file.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it has stored it.
    Ok(unsafe { file.assume_init() })
}

/// One `poll(2)`: what it shows of `fd`.
fn poll(fd: BorrowedFd<'_>, events: libc::c_short, timeout: libc::c_int) -> io::Result<libc::c_short> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    (SYSTEM.poll)(&mut entry, timeout)?;
    Ok(entry.revents)
}

/// Milliseconds, rounded up, as `poll(2)` takes them.
fn poll_timeout(left: Duration) -> libc::c_int {
    let millis = left.saturating_add(Duration::from_nanos(999_999)).as_millis();
    libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
}
