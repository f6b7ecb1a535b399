//! The type of the timerfd calls, and the calls of a platform that has no timerfd.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::backends::sys::error::os_error;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;

/// The timerfd calls, with the semantics of Linux.
///
/// FreeBSD, NetBSD and illumos have calls with these names, but with different semantics, and not
/// in every release that is in use.
pub(crate) struct Timerfd {
    pub(crate) create: fn(Clock, CreateFlags) -> io::Result<OwnedFd>,
    pub(crate) settime: fn(BorrowedFd<'_>, &TimerSpec) -> io::Result<TimerSpec>,
    /// Like `settime`, without returning the old setting.
    pub(crate) set: fn(BorrowedFd<'_>, &TimerSpec) -> io::Result<()>,
    pub(crate) gettime: fn(BorrowedFd<'_>) -> io::Result<TimerSpec>,
}

/// The calls of a platform without timerfd. Each returns `ENOSYS`.
pub(crate) const ABSENT: Timerfd = Timerfd {
    create: |_, _| Err(os_error(libc::ENOSYS)),
    settime: |_, _| Err(os_error(libc::ENOSYS)),
    set: |_, _| Err(os_error(libc::ENOSYS)),
    gettime: |_| Err(os_error(libc::ENOSYS)),
};
