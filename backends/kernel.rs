//! Timers of the kernel's own: `timerfd_create(2)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::sys::error::ECANCELED;
use crate::backends::sys::{fd, timerfd};
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// The row of the kernel's timers: Linux and Android. Elsewhere it says `ENOSYS`.
pub const BACKEND: Backend = Backend::new("kernel", open);

/// A timer of the kernel's: each method is one system call, with no lock and no allocation.
///
/// # Platforms
///
/// FreeBSD, NetBSD and illumos have a `timerfd_create` too, each with semantics of its own; the userspace backend serves
/// there.
#[derive(Debug)]
pub struct KernelTimer {
    fd: OwnedFd,
    /// Whether the last setting goes on for ever, so that something is always left of it.
    goes_on: AtomicBool,
}

impl KernelTimer {
    /// A disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`]; `EINVAL` for a clock that this kernel is too old for.
    pub fn new(clock: Clock, flags: CreateFlags) -> io::Result<KernelTimer> {
        Ok(KernelTimer::from(timerfd::create(clock, flags)?))
    }
}

/// Whether a timer with this setting is never off again. One that a step cancels may be.
#[inline]
fn goes_on(spec: &TimerSpec) -> bool {
    spec.is_armed() && !spec.interval().is_zero() && !spec.is_canceled_by_steps()
}

/// Between the time and its noticing it the kernel reports that nothing is left, as for a timer that is off; of a setting
/// that goes on, the least that can be is left then.
#[inline]
fn told(told: TimerSpec, goes_on: bool) -> TimerSpec {
    if goes_on && !told.is_armed() && !told.interval().is_zero() {
        TimerSpec::after(Duration::from_nanos(1)).every(told.interval())
    } else {
        told
    }
}

fn open(clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
    Ok(Box::new(KernelTimer::new(clock, flags)?))
}

impl Timer for KernelTimer {
    #[inline]
    fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        let result = timerfd::settime(self.fd.as_fd(), new);
        let went_on = self.goes_on.load(Ordering::Relaxed);
        match &result {
            Err(e) if e.raw_os_error() != Some(ECANCELED) => {}
            _ => self.goes_on.store(goes_on(new), Ordering::Relaxed),
        }
        Ok(told(result?, went_on))
    }

    #[inline]
    fn gettime(&self) -> io::Result<TimerSpec> {
        Ok(told(timerfd::gettime(self.fd.as_fd())?, self.goes_on.load(Ordering::Relaxed)))
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
}

/// Takes over a descriptor, which should be a timerfd: on any other, `settime` and `gettime` fail with `EINVAL`, and
/// `read` gives what a read of eight bytes gives.
impl From<OwnedFd> for KernelTimer {
    fn from(fd: OwnedFd) -> KernelTimer {
        KernelTimer { fd, goes_on: AtomicBool::new(false) }
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
