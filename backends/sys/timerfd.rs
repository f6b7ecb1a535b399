//! The calls of timerfd, as this system has them: an error if it has none.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::system::SYSTEM;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;

pub(crate) fn create(clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
    (SYSTEM.timerfd.create)(clock, flags)
}

#[inline]
pub(crate) fn settime(fd: BorrowedFd<'_>, new: &TimerSpec) -> io::Result<TimerSpec> {
    (SYSTEM.timerfd.settime)(fd, new)
}

#[inline]
pub(crate) fn set(fd: BorrowedFd<'_>, new: &TimerSpec) -> io::Result<()> {
    (SYSTEM.timerfd.set)(fd, new)
}

#[inline]
pub(crate) fn gettime(fd: BorrowedFd<'_>) -> io::Result<TimerSpec> {
    (SYSTEM.timerfd.gettime)(fd)
}
