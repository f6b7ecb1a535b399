//! `TimerFd`: a timer of the best backend of this system.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use crate::accuracy::Accuracy;
use crate::backend::{Backend, BackendOfTimer};
use crate::backends;
use crate::backends::kernel::{self, KernelTimer};
use crate::backends::simulated::{self, SimulatedTimer};
use crate::backends::sys::error::{os_error, EOPNOTSUPP};
use crate::backends::userspace;
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use crate::inherent::inherent_methods;
use crate::pollable::Pollable;
use crate::process_backend;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// A [`Timer`] of the best backend of this system.
///
/// On Linux and Android that is the kernel backend, elsewhere the userspace backend. The userspace
/// backend is also used if the kernel lacks `timerfd_create` (`ENOSYS`), and if a sandbox forbids
/// it (`EPERM`, `EACCES`) for a clock that needs no privilege.
///
/// To choose the backend, use [`TimerFdBuilder::backend`] for one timer, or
/// [`Backend::set_for_process`] for all timers. A user of your program can choose the backend with
/// the environment variable `PORTABLE_TIMERFD_BACKEND`: see [`TimerFdBuilder::open`]. For example,
/// the program then runs on Linux with the timers that it has on macOS.
///
/// ```
/// use portable_timerfd::{Clock, TimerFd};
/// use std::time::Duration;
///
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.arm_after(Duration::from_millis(5))?;
/// assert_eq!(timer.wait(None)?, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Dropping a `TimerFd` closes its descriptor. A kernel timer ends when no duplicate of the
/// descriptor is open either. A timer of the userspace backend ends at once. After that, a read of
/// a duplicate returns the last count if that is unread, and then end-of-file.
#[derive(Debug)]
pub struct TimerFd {
    timer: Inner,
    backend: BackendOfTimer,
}

/// The timer. Kernel timers are not in a box, so that they need no allocation and no virtual call.
#[derive(Debug)]
enum Inner {
    Kernel(KernelTimer),
    Boxed(Box<dyn Timer>),
}

// A panic cannot leave a timer in an inconsistent state: no user code runs under its locks.
impl UnwindSafe for TimerFd {}
impl RefUnwindSafe for TimerFd {}

impl Inner {
    fn open(backend: Backend, clock: Clock, flags: CreateFlags) -> io::Result<Inner> {
        if backend.is_kernel() {
            KernelTimer::new(clock, flags).map(Inner::Kernel)
        } else {
            backend.open(clock, flags).map(Inner::Boxed)
        }
    }

    #[inline]
    fn as_dyn(&self) -> &dyn Timer {
        match self {
            Inner::Kernel(timer) => timer,
            Inner::Boxed(timer) => &**timer,
        }
    }
}

impl TimerFd {
    /// Creates a disarmed timer whose descriptor is non-blocking and closed on `exec`.
    ///
    /// # Errors
    ///
    /// Those of [`TimerFdBuilder::open`].
    pub fn new(clock: Clock) -> io::Result<TimerFd> {
        TimerFd::builder(clock).open()
    }

    /// Returns a builder, for other flags or a backend of your choice.
    ///
    /// ```
    /// use portable_timerfd::{backends::userspace, Clock, TimerFd};
    /// let timer = TimerFd::builder(Clock::Realtime).backend(userspace::BACKEND).nonblocking(false).open()?;
    /// assert_eq!(timer.backend(), userspace::BACKEND);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder(clock: Clock) -> TimerFdBuilder {
        TimerFdBuilder { clock, flags: CreateFlags::default(), backend: None }
    }

    /// Returns the backend of the timer.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend.get()
    }
}

/// Builds a [`TimerFd`]; see [`TimerFd::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TimerFdBuilder {
    clock: Clock,
    flags: CreateFlags,
    backend: Option<Backend>,
}

impl TimerFdBuilder {
    /// Sets whether a read of a timer that has not expired fails with `EAGAIN` or waits.
    ///
    /// `true`, the default, means that it fails.
    pub fn nonblocking(mut self, nonblocking: bool) -> TimerFdBuilder {
        self.flags.nonblocking = nonblocking;
        self
    }

    /// Sets whether the descriptor is closed when the process executes another program.
    ///
    /// `true` is the default. If `false`, the other program inherits the descriptor.
    ///
    /// # Platforms
    ///
    /// A program that inherits a descriptor of the userspace backend can read it, but cannot set
    /// the timer. The timer ends when the process that created it ends or executes another program.
    /// After that, a read returns the last count if that is unread, and then end-of-file.
    pub fn close_on_exec(mut self, close_on_exec: bool) -> TimerFdBuilder {
        self.flags.close_on_exec = close_on_exec;
        self
    }

    /// Sets the accuracy of the timer, and what it may cost.
    ///
    /// The default is the accuracy of [the process](Accuracy::of_process).
    ///
    /// # Platforms
    ///
    /// The kernel backend ignores this setting.
    pub fn accuracy(mut self, accuracy: Accuracy) -> TimerFdBuilder {
        self.flags.accuracy = Some(accuracy);
        self
    }

    /// Sets all flags, instead of one by one.
    pub fn flags(mut self, flags: CreateFlags) -> TimerFdBuilder {
        self.flags = flags;
        self
    }

    /// Uses only this backend, whatever the program or the environment has chosen for the process.
    pub fn backend(mut self, backend: Backend) -> TimerFdBuilder {
        self.backend = Some(backend);
        self
    }

    /// Creates the timer, disarmed.
    ///
    /// The first item of this list that names a backend decides:
    ///
    /// 1. [`backend`](TimerFdBuilder::backend), for this timer.
    /// 2. [`Backend::set_for_process`].
    /// 3. The environment variable `PORTABLE_TIMERFD_BACKEND`: `kernel` or `userspace`. The library
    ///    reads the variable once, when the program creates its first `TimerFd` for which it has
    ///    chosen no backend. A set-user-ID program ignores the variable.
    /// 4. The best backend that supports the timer. For an alarm clock, only a backend that wakes
    ///    the system is used.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](io::ErrorKind::Unsupported): the chosen backend is not available on this
    ///   system or lacks the clock. If no backend was chosen, no backend supports the timer.
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput), without an errno: the environment variable
    ///   decides, and its value is not the name of a backend. The empty value is not a name either.
    /// - Otherwise those of [`Backend::open`].
    ///
    /// # Forks
    ///
    /// std reads the environment under a lock. If another thread holds that lock at a fork, for
    /// example in `set_var`, and the child's first `TimerFd` reads the environment, the child waits
    /// for ever. To avoid this, choose the backend in the program, or create a `TimerFd` for which
    /// no backend is chosen before the fork.
    pub fn open(self) -> io::Result<TimerFd> {
        process_backend::fix();
        self.try_backends(|backend| {
            let timer = Inner::open(backend, self.clock, self.flags)?;
            let of_crate = [&kernel::BACKEND, &userspace::BACKEND, &simulated::BACKEND];
            Ok(TimerFd { timer, backend: BackendOfTimer::new(backend, &of_crate) })
        })
    }

    /// Returns the capabilities of the timer that [`open`](TimerFdBuilder::open) would create.
    ///
    /// # Errors
    ///
    /// Those of [`open`](TimerFdBuilder::open).
    pub fn capabilities(self) -> io::Result<Capabilities> {
        self.try_backends(|backend| backend.capabilities(self.clock))
    }

    /// Calls `attempt` for the chosen backend, or for each backend until one supports the timer.
    fn try_backends<T>(self, attempt: impl Fn(Backend) -> io::Result<T>) -> io::Result<T> {
        let chosen = self.backend.map_or_else(process_backend::backend, |backend| Ok(Some(backend)))?;
        if let Some(backend) = chosen {
            return attempt(backend);
        }
        let mut refusal = os_error(EOPNOTSUPP);
        for backend in backends::ALL.iter().filter(|backend| self.is_candidate(backend)) {
            match attempt(*backend) {
                Err(e) if self.may_try_next(&e) => refusal = e,
                result => return result,
            }
        }
        Err(refusal)
    }

    /// Returns whether another backend may support the timer after this error.
    ///
    /// `PermissionDenied` for an alarm clock means that the thread lacks the capability, which
    /// every backend needs. For any other clock it means that a sandbox forbids the call.
    fn may_try_next(self, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::Unsupported => true,
            io::ErrorKind::PermissionDenied => !self.clock.is_alarm(),
            _ => false,
        }
    }

    /// Returns whether the backend is a candidate if none was chosen.
    ///
    /// For an alarm clock, it must wake the system. If its capabilities are unknown because of an
    /// error, it stays a candidate, so that `attempt` reports the error.
    fn is_candidate(self, backend: &Backend) -> bool {
        !self.clock.is_alarm() || backend.capabilities(self.clock).map_or(true, |can| can.wakes_system)
    }
}

/// Converts a timer of the kernel backend, for example one that was made from a descriptor.
impl From<KernelTimer> for TimerFd {
    fn from(timer: KernelTimer) -> TimerFd {
        TimerFd { timer: Inner::Kernel(timer), backend: BackendOfTimer::OfCrate(&kernel::BACKEND) }
    }
}

/// Converts a timer of simulated time, for tests of code that accepts only a `TimerFd`.
///
/// ```
/// use portable_timerfd::{Clock, SimulatedClock, TimerFd};
/// use std::time::Duration;
/// let clock = SimulatedClock::new();
/// let timer = TimerFd::from(clock.timer(Clock::Boottime)?);
/// timer.arm_after(Duration::from_secs(3600))?;
/// clock.suspend(Duration::from_secs(3600));
/// assert_eq!((timer.read()?, timer.backend().name()), (1, "simulated"));
/// # Ok::<(), std::io::Error>(())
/// ```
impl From<SimulatedTimer> for TimerFd {
    fn from(timer: SimulatedTimer) -> TimerFd {
        let backend = BackendOfTimer::OfCrate(&simulated::BACKEND);
        TimerFd { timer: Inner::Boxed(Box::new(timer)), backend }
    }
}

/// Returns the descriptor of a kernel timer.
///
/// # Errors
///
/// Returns the timer as the error if it is not a kernel timer.
///
/// # Why not `Into<OwnedFd>`
///
/// On the other backends, the descriptor is only a part of the timer: the read end of a pipe. An
/// `OwnedFd` of it could be read and polled, but not set, and dropping it would not end the timer.
/// So the conversion succeeds only for a kernel timer, because its descriptor is the whole timer.
/// To use another timer's descriptor, borrow it: [`AsFd`], [`AsRawFd`].
///
/// ```
/// use portable_timerfd::{backends::userspace, Clock, TimerFd};
/// use std::os::fd::OwnedFd;
/// let timer = TimerFd::builder(Clock::Monotonic).backend(userspace::BACKEND).open()?;
/// let timer: TimerFd = OwnedFd::try_from(timer).unwrap_err();
/// # Ok::<(), std::io::Error>(())
/// ```
impl TryFrom<TimerFd> for OwnedFd {
    type Error = TimerFd;

    fn try_from(timer: TimerFd) -> Result<OwnedFd, TimerFd> {
        match timer {
            TimerFd { timer: Inner::Kernel(timer), .. } => Ok(timer.into()),
            other => Err(other),
        }
    }
}

impl Timer for TimerFd {
    #[inline]
    fn clock(&self) -> Clock {
        self.timer.as_dyn().clock()
    }

    #[inline]
    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        match &self.timer {
            Inner::Kernel(timer) => timer.replace(new),
            Inner::Boxed(timer) => timer.replace(new),
        }
    }

    #[inline]
    fn get(&self) -> io::Result<TimerSpec> {
        match &self.timer {
            Inner::Kernel(timer) => timer.get(),
            Inner::Boxed(timer) => timer.get(),
        }
    }

    #[inline]
    fn read(&self) -> io::Result<u64> {
        match &self.timer {
            Inner::Kernel(timer) => timer.read(),
            Inner::Boxed(timer) => timer.read(),
        }
    }

    #[inline]
    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        match &self.timer {
            Inner::Kernel(timer) => timer.set(new),
            Inner::Boxed(timer) => timer.set(new),
        }
    }

    fn try_read(&self) -> io::Result<u64> {
        self.timer.as_dyn().try_read()
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<u64> {
        self.timer.as_dyn().wait(limit)
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.timer.as_dyn().now(clock)
    }
}

inherent_methods!(TimerFd);

impl Pollable for TimerFd {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timer.as_dyn().as_pollable()
    }
}

impl AsFd for TimerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_dyn().as_pollable()
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_dyn().as_pollable().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::size_of;

    fn open(clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
        userspace::BACKEND.open(clock, flags)
    }

    fn no_capabilities(_: Clock) -> io::Result<Capabilities> {
        Err(os_error(EOPNOTSUPP))
    }

    #[test]
    fn a_timer_takes_at_most_32_bytes() {
        assert!(size_of::<TimerFd>() <= 32);
    }

    #[test]
    fn a_timer_returns_its_backend_even_if_one_of_this_crate_has_the_same_name() {
        for name in ["mine", "userspace"] {
            let mine = Backend::new(name, open, no_capabilities);
            let timer = TimerFd::builder(Clock::Monotonic).backend(mine).open().unwrap();
            assert_eq!(timer.backend().name(), name);
            assert!(timer.backend().capabilities(Clock::Monotonic).is_err());
        }
        for backend in [userspace::BACKEND, kernel::BACKEND] {
            let Ok(timer) = TimerFd::builder(Clock::Monotonic).backend(backend).open() else { continue };
            assert_eq!(timer.backend(), backend);
            assert!(matches!(timer.backend, BackendOfTimer::OfCrate(_)));
        }
    }
}
