//! The kernel's own calls, on systems that have them. Arguments are passed on unchanged.
//!
//! The calls are made by number, because the C library's functions have the same names as ours.

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
    /// `new` points to a setting, and `old` to memory for one. Each may also be null or point to
    /// unmapped memory.
    pub unsafe fn settime(fd: c_int, flags: c_int, new: *const Itimerspec, old: *mut Itimerspec) -> io::Result<c_int> {
        // SAFETY: the caller guarantees the state of the pointers, and the kernel detects invalid
        // ones.
        check(unsafe { libc::syscall(libc::SYS_timerfd_settime, fd, flags, new, old) })
    }

    /// # Safety
    ///
    /// `now` points to memory for a setting. It may also be null or point to unmapped memory.
    pub unsafe fn gettime(fd: c_int, now: *mut Itimerspec) -> io::Result<c_int> {
        // SAFETY: the caller guarantees the state of the pointer, and the kernel detects an invalid
        // one.
        check(unsafe { libc::syscall(libc::SYS_timerfd_gettime, fd, now) })
    }

    /// Reads the count of a timer. `None` if the read returned no count.
    pub(crate) fn read(fd: c_int) -> io::Result<Option<u64>> {
        let mut count = [0; 8];
        // SAFETY: `count` is valid for a write of its length.
        let read = check(unsafe { libc::syscall(libc::SYS_read, fd, count.as_mut_ptr(), count.len()) })?;
        Ok((read == 8).then_some(u64::from_ne_bytes(count)))
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
    /// The function touches no memory.
    pub unsafe fn settime(_: c_int, _: c_int, _: *const Itimerspec, _: *mut Itimerspec) -> io::Result<c_int> {
        absent()
    }

    /// # Safety
    ///
    /// The function touches no memory.
    pub unsafe fn gettime(_: c_int, _: *mut Itimerspec) -> io::Result<c_int> {
        absent()
    }

    pub(crate) fn read(_fd: c_int) -> io::Result<Option<u64>> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }
}

pub(crate) use calls::{create, read};
pub use calls::{gettime, settime};
