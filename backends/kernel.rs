//! Timers of the kernel's own: `timerfd_create(2)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::sys::error::{os_error, EAGAIN};
use crate::backends::sys::{self, fd, nowait, TIMERFD};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// The row of the kernel's timers: Linux and Android. Elsewhere it says `ENOSYS`.
pub const BACKEND: Backend = Backend::new("kernel", open, capabilities);

/// A timer of the kernel's: `settime`, `gettime` and `read` are a system call each, with no state, no lock and no allocation of
/// ours.
///
/// Between the time of an expiration and its noticing it, which takes some microseconds, Linux reports that nothing is left
/// of a periodic timer, as if it were off.
///
/// # Platforms
///
/// FreeBSD, NetBSD and illumos have a `timerfd_create` too, each with semantics of its own; the userspace backend serves
/// there.
#[derive(Debug)]
pub struct KernelTimer {
    fd: OwnedFd,
}

impl KernelTimer {
    /// A disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`].
    pub fn new(clock: Clock, flags: CreateFlags) -> io::Result<KernelTimer> {
        Ok(KernelTimer::from((TIMERFD.create)(clock, flags)?))
    }
}

fn open(clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
    Ok(Box::new(KernelTimer::new(clock, flags)?))
}

fn capabilities(clock: Clock) -> io::Result<Capabilities> {
    (TIMERFD.create)(clock, CreateFlags::default())?;
    Ok(Capabilities {
        counts_suspend: sys::clock::counts_suspend(clock),
        wakes_the_machine: clock.is_alarm(),
        cancel_on_set: clock.without_alarm() == Clock::Realtime,
        notices_jumps_within: Some(Duration::ZERO),
        outlives_its_process: true,
    })
}

impl Timer for KernelTimer {
    #[inline]
    fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        (TIMERFD.settime)(self.fd.as_fd(), new)
    }

    #[inline]
    fn gettime(&self) -> io::Result<TimerSpec> {
        (TIMERFD.gettime)(self.fd.as_fd())
    }

    #[inline]
    fn read(&self) -> io::Result<u64> {
        loop {
            if let Some(count) = fd::read_count(self.fd.as_fd())? {
                return Ok(count);
            }
            // A blocking read gives 0 bytes after the wall clock was stepped back behind an expiration not yet read.
            // Anything that is no timerfd and gives 0 bytes fails here.
            self.gettime()?;
        }
    }

    #[inline]
    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        (TIMERFD.set)(self.fd.as_fd(), new)
    }

    fn try_read(&self) -> io::Result<u64> {
        // No bytes at all: as above, but there is no waiting on.
        nowait::read_timerfd(self.fd.as_fd())?.ok_or_else(|| os_error(EAGAIN))
    }
}

/// Takes over a descriptor, which should be a timerfd: on any other, `settime` and `gettime` fail with `EINVAL`, and
/// `read` gives what a read of eight bytes gives.
impl From<OwnedFd> for KernelTimer {
    fn from(fd: OwnedFd) -> KernelTimer {
        nowait::prepare();
        KernelTimer { fd }
    }
}

impl From<KernelTimer> for OwnedFd {
    fn from(timer: KernelTimer) -> OwnedFd {
        timer.fd
    }
}

impl AsFd for KernelTimer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for KernelTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
