//! Items for this project's tests and its bindings for C and Python. They can change in every
//! release.

pub use crate::backends::sys::clock::{c_monotonic_offset, max_slew_ppm};
pub use crate::backends::sys::environment::is_set_user_id;
pub use crate::backends::userspace::fd_only::RawTimer;
pub use crate::itimerspec::{Itimerspec, SettimeFlags, Timespec};

use crate::backends::sys::nowait;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

/// Returns the device and the inode number of an open file.
///
/// # Errors
///
/// `EBADF` if the number is closed.
pub fn file_identity(number: RawFd) -> io::Result<(u64, u64)> {
    crate::backends::sys::fd::identity(number)
}

/// Returns whether reads of an open file fail instead of waiting.
///
/// # Errors
///
/// `EBADF` if the number is closed.
pub fn is_nonblocking(number: RawFd) -> io::Result<bool> {
    crate::backends::sys::fd::is_nonblocking(&number)
}

/// Reads the count of a kernel timer without waiting, also in blocking mode.
///
/// Returns `None` if the descriptor is readable but the read returns no count.
///
/// # Errors
///
/// Those of `read(2)`. In particular `EAGAIN` if there is no expiration, and `ECANCELED` after a
/// clock change.
pub fn try_read_timerfd(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    nowait::prepare();
    nowait::read_timerfd(fd)
}
