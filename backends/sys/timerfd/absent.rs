//! A system without timerfd: each call says so.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::backends::sys::error::os_error;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;

pub(crate) fn create(_clock: Clock, _flags: CreateFlags) -> io::Result<OwnedFd> {
    Err(os_error(libc::ENOSYS))
}

pub(crate) fn settime(_fd: BorrowedFd<'_>, _new: &TimerSpec) -> io::Result<TimerSpec> {
    Err(os_error(libc::ENOSYS))
}

pub(crate) fn gettime(_fd: BorrowedFd<'_>) -> io::Result<TimerSpec> {
    Err(os_error(libc::ENOSYS))
}

pub(crate) fn set(_fd: BorrowedFd<'_>, _new: &TimerSpec) -> io::Result<()> {
    Err(os_error(libc::ENOSYS))
}
