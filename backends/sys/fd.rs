//! Operations on descriptors: their modes, reads and writes of counts, and readiness.

use std::io;
use std::mem::{size_of, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::error::check;
use super::system::SYSTEM;

/// The size of a message in a timer's pipe: one count.
pub(crate) const COUNT_SIZE: usize = size_of::<u64>();

/// Whether `O_NONBLOCK` is set on the open file description of `fd`.
pub(crate) fn is_nonblocking(fd: &impl AsRawFd) -> io::Result<bool> {
    Ok(status_flags(fd)? & libc::O_NONBLOCK != 0)
}

/// Sets or clears `O_NONBLOCK` of the open file description of `fd`. Returns whether it was set.
pub(crate) fn set_nonblocking(fd: &(impl AsRawFd + ?Sized), on: bool) -> io::Result<bool> {
    let flags = status_flags(fd)?;
    let was_on = flags & libc::O_NONBLOCK != 0;
    if was_on != on {
        // SAFETY: setting flags touches no memory.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags ^ libc::O_NONBLOCK) })?;
    }
    Ok(was_on)
}

/// Sets or clears the close-on-exec flag of a descriptor.
pub(super) fn set_close_on_exec(fd: &OwnedFd, on: bool) -> io::Result<()> {
    let flags = if on { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: setting a flag touches no memory.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, flags) }).map(drop)
}

/// Gives the requested modes to a new descriptor, which so far is non-blocking and closed on
/// `exec`.
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
    // SAFETY: reading flags touches no memory.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

/// The lowest number of a descriptor that the library owns. Lower numbers belong to the standard
/// streams.
pub(super) const FIRST: RawFd = 3;

/// Duplicates a descriptor to the lowest free number above the standard streams.
///
/// The number must not be high. When the descriptor table of a multi-threaded process grows, Linux
/// waits for all CPUs, which can take more than ten milliseconds.
pub(super) fn lowest_duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: duplicating a descriptor touches no memory.
    let duplicate = check(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, FIRST) })?;
    // SAFETY: the system has just created this descriptor, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(duplicate) })
}

/// Makes `number` a duplicate of the descriptor `from`, closed on `exec`. The file that `number`
/// referred to is closed.
pub(super) fn duplicate_onto(from: RawFd, number: RawFd) -> io::Result<()> {
    (SYSTEM.duplicate_onto)(from, number)
}

/// Whether the descriptor is open for reading, unlike the write end of a pipe. Returns `false` if
/// the number is closed.
pub(super) fn is_readable_mode(number: RawFd) -> bool {
    status_flags(&number).is_ok_and(|flags| flags & libc::O_ACCMODE != libc::O_WRONLY)
}

/// Whether the descriptor has the flag that marks read ends reopened by the library. A user's read
/// end does not have it.
pub(super) fn has_reopen_flag(number: RawFd) -> bool {
    has_flag(number, SYSTEM.reopen_flag)
}

/// Whether the descriptor is a placeholder of the library: a directory that can be neither read nor
/// written.
pub(super) fn is_placeholder(number: RawFd) -> bool {
    has_flag(number, SYSTEM.no_access)
}

/// Whether the descriptor has this flag of `open`. Returns `false` for 0, which stands for a flag
/// that the platform does not have.
fn has_flag(number: RawFd, flag: libc::c_int) -> bool {
    flag != 0 && status_flags(&number).is_ok_and(|flags| flags & flag == flag)
}

/// Closes a descriptor that is not owned by an `OwnedFd`.
pub(super) fn close(number: RawFd) {
    // SAFETY: the callers have checked that the number refers to a file that the library opened,
    // and that no other code uses it any more.
    unsafe { libc::close(number) };
}

/// Whether the number refers to an open file.
pub(super) fn is_open(number: RawFd) -> bool {
    // SAFETY: reading flags touches no memory.
    let flags = check(unsafe { libc::fcntl(number, libc::F_GETFD) });
    // If a sandbox refuses the call, the number may be open.
    !flags.is_err_and(|e| e.raw_os_error() == Some(libc::EBADF))
}

/// Reads a count with one `read(2)`. Returns `None` if the result does not have the size of a
/// count, for example at the end of the file.
#[inline]
pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut message = [0u8; COUNT_SIZE];
    let read = read(fd, &mut message)?;
    Ok(whole_count(read, message))
}

/// Converts a message to a count if all its bytes were read.
pub(super) fn whole_count(read: usize, message: [u8; COUNT_SIZE]) -> Option<u64> {
    (read == COUNT_SIZE).then_some(u64::from_ne_bytes(message))
}

/// Calls `read(2)` once, and returns the number of bytes read.
#[inline]
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buffer` is valid for writes of its length.
    let read = check(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })?;
    Ok(read.unsigned_abs())
}

/// Writes a count with one `write(2)`.
pub(crate) fn write_count(fd: BorrowedFd<'_>, count: u64) -> io::Result<()> {
    (SYSTEM.write)(fd, &count.to_ne_bytes()).map(drop)
}

/// Like [`write_count`], to the pipe of a timer that was unlocked. Only `PipeWrite` calls this.
pub(crate) fn write_count_unlocked(writer: RawFd, count: u64) -> io::Result<()> {
    // SAFETY: the descriptor is open. The timer's pipe owns it, and is closed only by a thread that
    // has locked the timer's state, which recorded this write, and then waited for the write in
    // flight (`InFlight`).
    write_count(unsafe { BorrowedFd::borrow_raw(writer) }, count)
}

/// Writes a count to a pipe that may have no reader. No thread receives `SIGPIPE`.
pub(crate) fn write_count_unsignaled(fd: BorrowedFd<'_>, count: u64) -> io::Result<()> {
    (SYSTEM.write_unsignaled)(fd, &count.to_ne_bytes()).map(drop)
}

/// Waits until a read of `fd` would not block (`true`) or the deadline has passed (`false`).
///
/// A signal does not end the wait.
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

/// Whether a write to `fd` would not block.
pub(super) fn is_writable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    loop {
        match poll(fd, libc::POLLOUT, 0) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            events => return Ok(events? & libc::POLLOUT != 0),
        }
    }
}

/// Whether all read ends of the pipe with this write end are closed.
///
/// # Platforms
///
/// Linux reports this (`pipe_poll`). The library does not call this function on other platforms.
pub(super) fn has_no_reader(writer: BorrowedFd<'_>) -> bool {
    poll(writer, 0, 0).is_ok_and(|events| events & libc::POLLERR != 0)
}

/// Returns the number of unread bytes in a pipe. On Linux, `fd` can be either end.
pub(super) fn unread(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: `bytes` is valid for writes of the number.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD as _, &mut bytes) })?;
    Ok(bytes)
}

/// The device and the inode number of a file, which distinguish it from all other files.
pub(crate) type Identity = (u64, u64);

/// Returns the identity of the file that this number refers to, or `EBADF` if the number is closed.
pub(crate) fn identity(number: RawFd) -> io::Result<Identity> {
    status(number).map(|file| identity_in(&file))
}

/// Returns the identity of a new pipe or socket.
///
/// NetBSD and OpenBSD give a socket its inode number at the first `fstat`. They begin with 0, which
/// stands for no number, so the next `fstat` gives the socket another number.
pub(super) fn lasting_identity(mut ask: impl FnMut() -> io::Result<Identity>) -> io::Result<Identity> {
    match ask()? {
        (_, 0) => ask(),
        known => Ok(known),
    }
}

/// Returns the identity of the file that this number refers to, if the file can be an end of a
/// timer's pipe: a pipe or a socket.
#[allow(clippy::unnecessary_cast)] // the types depend on the platform
pub(super) fn end_identity(number: RawFd) -> Option<Identity> {
    let file = status(number).ok()?;
    let kind = file.st_mode as u32 & libc::S_IFMT as u32;
    [libc::S_IFIFO as u32, libc::S_IFSOCK as u32].contains(&kind).then(|| identity_in(&file))
}

#[allow(clippy::unnecessary_cast)] // the types depend on the platform
fn identity_in(file: &libc::stat) -> Identity {
    (file.st_dev as u64, file.st_ino as u64)
}

fn status(number: RawFd) -> io::Result<libc::stat> {
    let mut file = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `file` is valid for writes of a `stat`. A closed number is only an error.
    check(unsafe { libc::fstat(number, file.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it has initialized `file`.
    Ok(unsafe { file.assume_init() })
}

/// Calls `poll(2)` once for `fd`, and returns the reported events.
fn poll(fd: BorrowedFd<'_>, events: libc::c_short, timeout: libc::c_int) -> io::Result<libc::c_short> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    (SYSTEM.poll)(&mut entry, timeout)?;
    Ok(entry.revents)
}

/// Converts a duration to the milliseconds that `poll(2)` takes, rounded up.
fn poll_timeout(left: Duration) -> libc::c_int {
    let millis = left.saturating_add(Duration::from_nanos(999_999)).as_millis();
    libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
}
