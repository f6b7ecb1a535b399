//! The kernel's own calls, where it has them: all that C hands over goes there as it is.
//!
//! By their numbers, since the C library's functions have the names of ours.

use crate::itimerspec::Itimerspec;
use libc::c_int;
use std::io;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod calls {
    use super::*;

    pub(crate) fn create(clockid: c_int, flags: c_int) -> io::Result<c_int> {
        // SAFETY: the call touches no memory.
        check(unsafe { libc::syscall(libc::SYS_timerfd_create, clockid, flags) })
    }

    /// # Safety
    ///
    /// `new` and `old` are memory of the caller's to read and to write, or none at all.
    pub unsafe fn settime(fd: c_int, flags: c_int, new: *const Itimerspec, old: *mut Itimerspec) -> io::Result<c_int> {
        // SAFETY: the caller answers for the pointers; the kernel finds out those that are none.
        check(unsafe { libc::syscall(libc::SYS_timerfd_settime, fd, flags, new, old) })
    }

    /// # Safety
    ///
    /// `now` is memory of the caller's to write, or none at all.
    pub unsafe fn gettime(fd: c_int, now: *mut Itimerspec) -> io::Result<c_int> {
        // SAFETY: the caller answers for the pointer; the kernel finds out one that is none.
        check(unsafe { libc::syscall(libc::SYS_timerfd_gettime, fd, now) })
    }

    fn check(answer: libc::c_long) -> io::Result<c_int> {
        match c_int::try_from(answer) {
            Ok(answer) if answer >= 0 => Ok(answer),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod calls {
    use super::*;

    fn absent() -> io::Result<c_int> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    pub(crate) fn create(_clockid: c_int, _flags: c_int) -> io::Result<c_int> {
        absent()
    }

    /// # Safety
    ///
    /// Nothing is touched.
    pub unsafe fn settime(_: c_int, _: c_int, _: *const Itimerspec, _: *mut Itimerspec) -> io::Result<c_int> {
        absent()
    }

    /// # Safety
    ///
    /// Nothing is touched.
    pub unsafe fn gettime(_: c_int, _: *mut Itimerspec) -> io::Result<c_int> {
        absent()
    }
}

pub(crate) use calls::create;
pub use calls::{gettime, settime};
