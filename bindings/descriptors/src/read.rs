//! Reads that report a clock change on both backends. A raw `read(2)` of an emulated timer cannot
//! return `ECANCELED`.

use crate::{gettime, userspace};
use libc::c_int;
use std::io;
use std::os::fd::BorrowedFd;
use timers::bindings::try_read_timerfd;

/// Returns the number of expirations since the last read or setting, without waiting.
///
/// Returns `None` if there is none and the descriptor is in blocking mode.
///
/// Returns 0 at the end of the file: the timer is emulated, and the process that created it has
/// ended.
///
/// # Errors
///
/// `EAGAIN` if there is no expiration and the descriptor is in non-blocking mode. `ECANCELED` after
/// a clock change, if the timer has the flag for that. `EBADF` if there is no such descriptor.
pub fn try_read(fd: c_int) -> io::Result<Option<u64>> {
    if let Ok(timer) = userspace::find(fd) {
        return userspace::try_read(&timer);
    }
    // This process has not created the timer as an emulated one: it is the kernel's or inherited.
    match try_read_timerfd(borrow(fd)?) {
        // The timer of the kernel is readable without a count: the wall clock was set back to a
        // time before an unread expiration.
        Ok(None) if gettime(fd).is_ok() => none(fd),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => none(fd),
        read => read.map(|count| Some(count.unwrap_or(0))),
    }
}

/// The result if there is no expiration.
fn none(fd: c_int) -> io::Result<Option<u64>> {
    // SAFETY: reading flags touches no memory.
    match unsafe { libc::fcntl(fd, libc::F_GETFL) } {
        -1 => Err(io::Error::last_os_error()),
        flags if flags & libc::O_NONBLOCK != 0 => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
        _ => Ok(None),
    }
}

fn borrow<'a>(fd: c_int) -> io::Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the number is not -1. The result is only read from, and if no file has this number,
    // the read fails with `EBADF`.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}
