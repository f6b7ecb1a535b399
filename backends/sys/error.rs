//! Error numbers, and the conversion of the C library's results into `io::Result`.

use std::io;

pub(crate) use libc::{EAGAIN, EBADF, EBUSY, ECANCELED, EINTR, EINVAL, EIO, EOPNOTSUPP, ESRCH, ETIMEDOUT};

/// Creates the error with this number.
pub(crate) fn os_error(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

/// Checks the result of a call that returns an error number, or 0 if it succeeded.
pub(super) fn check_errno(errno: i32) -> io::Result<()> {
    match errno {
        0 => Ok(()),
        _ => Err(os_error(errno)),
    }
}

/// Whether the error says that this process or the system has no free descriptor.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Checks the result of a call that returns -1 and sets `errno` if it fails.
#[inline]
pub(super) fn check<T: Default + PartialOrd>(returned: T) -> io::Result<T> {
    if returned < T::default() {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}
