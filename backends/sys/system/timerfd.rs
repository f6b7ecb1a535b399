//! The type of the timerfd calls, and the calls of a platform that has no timerfd.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::backends::sys::error::os_error;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;

/// The calls of timerfd, with Linux's semantics.
///
/// FreeBSD, NetBSD and illumos have calls of these names with other semantics, and not in every release that is in use.
pub(crate) struct Timerfd {
    pub(crate) create: fn(Clock, CreateFlags) -> io::Result<OwnedFd>,
    pub(crate) settime: fn(BorrowedFd<'_>, &TimerSpec) -> io::Result<TimerSpec>,
    /// Without asking for the old setting.
    pub(crate) set: fn(BorrowedFd<'_>, &TimerSpec) -> io::Result<()>,
    pub(crate) gettime: fn(BorrowedFd<'_>) -> io::Result<TimerSpec>,
}

/// A system without timerfd: each call says so.
pub(crate) const ABSENT: Timerfd = Timerfd {
    create: |_, _| Err(os_error(libc::ENOSYS)),
    settime: |_, _| Err(os_error(libc::ENOSYS)),
    set: |_, _| Err(os_error(libc::ENOSYS)),
    gettime: |_| Err(os_error(libc::ENOSYS)),
};
