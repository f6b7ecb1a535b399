//! Timers of the kernel: `timerfd_create(2)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::sys::error::{os_error, EAGAIN};
use crate::backends::sys::{self, fd, nowait, TIMERFD};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use crate::inherent::inherent_methods;
use crate::pollable::Pollable;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// The backend that uses the kernel's own timers, on Linux and Android.
///
/// On other platforms, it cannot create timers and returns `ENOSYS`.
pub const BACKEND: Backend = Backend::new("kernel", open, capabilities).of_kernel_timers();

/// A timer of the kernel.
///
/// `set`, `replace`, `get` and `read` make one system call each. They use no lock and no allocation
/// of the library.
///
/// Linux processes an expiration some microseconds after its time. Until then, `get` reports
/// zero remaining time for a periodic timer, as if it were disarmed.
///
/// # Platforms
///
/// FreeBSD, NetBSD and illumos also have a `timerfd_create`, but each with different semantics. On
/// these platforms, use the userspace backend.
#[derive(Debug)]
pub struct KernelTimer {
    fd: OwnedFd,
    clock: Clock,
}

impl KernelTimer {
    /// Creates a disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`].
    pub fn new(clock: Clock, flags: CreateFlags) -> io::Result<KernelTimer> {
        // Before the timer, which may take the last descriptor.
        nowait::prepare();
        Ok(KernelTimer { fd: (TIMERFD.create)(clock, flags)?, clock })
    }

    /// Makes a timer from a timerfd that counts on `clock`, and takes ownership of the descriptor.
    ///
    /// The kernel does not report the clock of a timerfd. If the timerfd counts on another clock,
    /// an absolute time sets a wrong expiration. If the descriptor is not a timerfd, `set` and
    /// `get` return `EINVAL`, and `read` returns the result of a read of eight bytes.
    #[must_use]
    pub fn from_fd(fd: OwnedFd, clock: Clock) -> KernelTimer {
        nowait::prepare();
        KernelTimer { fd, clock }
    }
}

fn open(clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
    Ok(Box::new(KernelTimer::new(clock, flags)?))
}

fn capabilities(clock: Clock) -> io::Result<Capabilities> {
    (TIMERFD.create)(clock, CreateFlags::default())?;
    Ok(Capabilities {
        counts_suspend: sys::clock::counts_suspend(clock),
        wakes_system: clock.is_alarm(),
        cancel_on_set: clock.without_alarm() == Clock::Realtime,
        jump_latency: Some(Duration::ZERO),
        process_shared: true,
    })
}

impl Timer for KernelTimer {
    #[inline]
    fn clock(&self) -> Clock {
        self.clock
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        clock.now()
    }

    #[inline]
    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        new.check_clock(self.clock)?;
        (TIMERFD.settime)(self.fd.as_fd(), new)
    }

    #[inline]
    fn get(&self) -> io::Result<TimerSpec> {
        (TIMERFD.gettime)(self.fd.as_fd())
    }

    #[inline]
    fn read(&self) -> io::Result<u64> {
        loop {
            if let Some(count) = fd::read_count(self.fd.as_fd())? {
                return Ok(count);
            }
            // A blocking read returns 0 bytes if the wall clock was set back to a time before an
            // unread expiration. If the descriptor is not a timerfd, `get` returns an error.
            self.get()?;
        }
    }

    #[inline]
    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        new.check_clock(self.clock)?;
        (TIMERFD.set)(self.fd.as_fd(), new)
    }

    fn try_read(&self) -> io::Result<u64> {
        // 0 bytes: as in `read`, except that this call does not wait again.
        nowait::read_timerfd(self.fd.as_fd())?.ok_or_else(|| os_error(EAGAIN))
    }
}

inherent_methods!(KernelTimer);

impl From<KernelTimer> for OwnedFd {
    fn from(timer: KernelTimer) -> OwnedFd {
        timer.fd
    }
}

impl Pollable for KernelTimer {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
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
