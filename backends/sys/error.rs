//! Error numbers, and the C library's way of returning them.

use std::io;

pub(crate) use libc::{EAGAIN, EBADF, EBUSY, ECANCELED, EINTR, EINVAL, EIO, EOPNOTSUPP, ESRCH, ETIMEDOUT};

/// The error with this number.
pub(crate) fn os_error(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

/// The result of a call that returns an error number, or 0.
pub(super) fn check_errno(errno: i32) -> io::Result<()> {
    match errno {
        0 => Ok(()),
        _ => Err(os_error(errno)),
    }
}

/// Whether this process, or the system, has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// What a call returned, or the error it left in `errno` if that is -1.
#[inline]
pub(super) fn check<T: Default + PartialOrd>(returned: T) -> io::Result<T> {
    if returned < T::default() {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}
