//! The three calls of timerfd, or their absence.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::error::os_error;
use super::system::SYSTEM;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;

/// The calls, as a system has them.
///
/// FreeBSD, NetBSD and illumos have calls of these names with other semantics, and not in every release that is in use.
pub(super) struct Timerfd {
    pub(super) create: fn(Clock, CreateFlags) -> io::Result<OwnedFd>,
    pub(super) settime: fn(BorrowedFd<'_>, &TimerSpec) -> io::Result<TimerSpec>,
    /// Without asking for the old setting.
    pub(super) set: fn(BorrowedFd<'_>, &TimerSpec) -> io::Result<()>,
    pub(super) gettime: fn(BorrowedFd<'_>) -> io::Result<TimerSpec>,
}

/// A system without timerfd: each call says so.
pub(super) const ABSENT: Timerfd = Timerfd {
    create: |_, _| Err(os_error(libc::ENOSYS)),
    settime: |_, _| Err(os_error(libc::ENOSYS)),
    set: |_, _| Err(os_error(libc::ENOSYS)),
    gettime: |_| Err(os_error(libc::ENOSYS)),
};

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
