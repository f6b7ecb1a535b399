//! Reads that report a clock change on both backends. A raw `read(2)` of an emulated timer cannot
//! return `ECANCELED`.

use crate::cancel::Uncanceled;
use crate::{call, gettime, kernel, userspace};
use libc::c_int;
use std::io;
use std::os::fd::BorrowedFd;
use timers::bindings::{is_nonblocking, try_read_timerfd, RawTimer};

/// Returns the number of expirations since the last read or setting. If there is none, and the
/// descriptor is in blocking mode, waits for one.
///
/// Unlike `read(2)`, this call is no cancellation point.
///
/// # Errors
///
/// Those of [`try_read`], and `EINTR` if a signal handler has run meanwhile.
pub fn read(fd: c_int) -> io::Result<u64> {
    let _uncanceled = Uncanceled::begin();
    call(fd, || read_by_kernel(fd), |timer| read_emulated(fd, timer))
}

fn read_by_kernel(fd: c_int) -> io::Result<u64> {
    loop {
        if let Some(count) = kernel::read(fd)? {
            return Ok(count);
        }
        // A blocking read returns 0 bytes if the wall clock was set back to a time before an unread
        // expiration. If the descriptor is not a timer, `gettime` returns an error.
        gettime(fd)?;
    }
}

fn read_emulated(fd: c_int, mut timer: io::Result<RawTimer>) -> io::Result<u64> {
    loop {
        if let Some(count) = timer?.read()? {
            return Ok(count);
        }
        until_readable(fd)?;
        // Another thread may have closed the descriptor meanwhile.
        timer = userspace::find(fd);
    }
}

/// Waits for an event of the descriptor, or for a signal (`EINTR`).
fn until_readable(fd: c_int) -> io::Result<()> {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: `entry` is valid for reads and writes of one entry.
    match unsafe { libc::poll(&mut entry, 1, -1) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

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
    let _uncanceled = Uncanceled::begin();
    if let Ok(timer) = userspace::find(fd) {
        return timer.read();
    }
    // This process has not created the timer as an emulated one: it is the kernel's or inherited.
    match try_read_timerfd(borrow(fd)?) {
        // The timer of the kernel is readable without a count: the wall clock was set back to a
        // time before an unread expiration.
        Ok(None) if gettime(fd).is_ok() => no_expiration(fd),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => no_expiration(fd),
        // A socket pair reports the end of the file this way if an unread byte was lost with it.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Some(0)),
        read => read.map(|count| Some(count.unwrap_or(0))),
    }
}

/// The result if there is no expiration.
fn no_expiration(fd: c_int) -> io::Result<Option<u64>> {
    if is_nonblocking(fd)? {
        return Err(io::Error::from_raw_os_error(libc::EAGAIN));
    }
    Ok(None)
}

fn borrow<'a>(fd: c_int) -> io::Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the number is not -1. The result is only read from, and if no file has this number,
    // the read fails with `EBADF`.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}
