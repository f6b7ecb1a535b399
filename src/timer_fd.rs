//! `TimerFd`: a timer of the best backend of this system.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::accuracy::Accuracy;
use crate::backend::Backend;
use crate::backends;
use crate::backends::simulated::{self, SimulatedTimer};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// A [`Timer`] of the best backend of this system.
///
/// On Linux and Android that is the kernel backend, elsewhere the userspace backend. The userspace
/// backend is also used if the kernel lacks `timerfd_create` (`ENOSYS`), and if a sandbox forbids
/// it (`EPERM`, `EACCES`) for a clock that needs no privilege.
///
/// ```
/// use portable_timerfd::{Clock, Timer, TimerFd};
/// use std::time::Duration;
///
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.arm_after(Duration::from_millis(5))?;
/// assert_eq!(timer.wait(None)?, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Dropping it closes the descriptor and ends the timer.
#[derive(Debug)]
pub struct TimerFd {
    timer: Box<dyn Timer>,
    backend: &'static Backend,
    clock: Clock,
}

impl TimerFd {
    /// Creates a disarmed timer whose descriptor is non-blocking and closed on `exec`.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`]. [`Unsupported`](io::ErrorKind::Unsupported) if no backend has
    /// this clock on this system.
    pub fn new(clock: Clock) -> io::Result<TimerFd> {
        TimerFd::builder(clock).open()
    }

    /// Returns a builder, for other flags or a backend of your choice.
    ///
    /// ```
    /// use portable_timerfd::{backends, Clock, Timer, TimerFd};
    /// let backend = backends::named("userspace").expect("userspace is a backend");
    /// let timer = TimerFd::builder(Clock::Realtime).backend(backend).nonblocking(false).open()?;
    /// assert_eq!(timer.backend().name(), "userspace");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder(clock: Clock) -> TimerFdBuilder {
        TimerFdBuilder { clock, flags: CreateFlags::default(), backend: None }
    }

    /// Returns the backend of the timer.
    #[must_use]
    pub fn backend(&self) -> &'static Backend {
        self.backend
    }

    /// Returns the clock that the timer counts on.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// Builds a [`TimerFd`]; see [`TimerFd::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TimerFdBuilder {
    clock: Clock,
    flags: CreateFlags,
    backend: Option<&'static Backend>,
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
    /// Reads then return the last count if it is unread, and after that end-of-file.
    pub fn close_on_exec(mut self, close_on_exec: bool) -> TimerFdBuilder {
        self.flags.close_on_exec = close_on_exec;
        self
    }

    /// Sets the accuracy of the timer, and what it may cost.
    ///
    /// The default is that of [the process](Accuracy::process_default).
    ///
    /// # Platforms
    ///
    /// The kernel backend ignores this setting: the accuracy of its timers is that of the kernel.
    pub fn accuracy(mut self, accuracy: Accuracy) -> TimerFdBuilder {
        self.flags.accuracy = Some(accuracy);
        self
    }

    /// Uses only this backend, instead of the best one.
    pub fn backend(mut self, backend: &'static Backend) -> TimerFdBuilder {
        self.backend = Some(backend);
        self
    }

    /// Creates the timer, disarmed.
    ///
    /// If no backend was chosen and the clock is an alarm clock, only a backend that wakes the
    /// system is used.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`]. [`Unsupported`](io::ErrorKind::Unsupported) if the chosen
    /// backend is not available on this system or lacks the clock. If no backend was chosen, the
    /// same error means that this holds for every backend.
    pub fn open(self) -> io::Result<TimerFd> {
        self.try_backends(|backend| {
            let timer = backend.open(self.clock, self.flags)?;
            Ok(TimerFd { timer, backend, clock: self.clock })
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
    fn try_backends<T>(self, attempt: impl Fn(&'static Backend) -> io::Result<T>) -> io::Result<T> {
        if let Some(backend) = self.backend {
            return attempt(backend);
        }
        let mut refusal = io::Error::from(io::ErrorKind::Unsupported);
        for backend in backends::ALL.iter().filter(|backend| self.is_candidate(backend)) {
            match attempt(backend) {
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

/// Converts a timer of simulated time, for tests of code that accepts only a `TimerFd`.
///
/// ```
/// use portable_timerfd::{Clock, SimulatedClock, Timer, TimerFd};
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
        let clock = timer.clock();
        TimerFd { timer: Box::new(timer), backend: &simulated::BACKEND, clock }
    }
}

impl Timer for TimerFd {
    #[inline]
    fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.timer.settime(new)
    }

    #[inline]
    fn gettime(&self) -> io::Result<TimerSpec> {
        self.timer.gettime()
    }

    #[inline]
    fn read(&self) -> io::Result<u64> {
        self.timer.read()
    }

    #[inline]
    fn set(&self, new: &TimerSpec) -> io::Result<()> {
        self.timer.set(new)
    }

    fn try_read(&self) -> io::Result<u64> {
        self.timer.try_read()
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<u64> {
        self.timer.wait(limit)
    }

    fn now(&self, clock: Clock) -> io::Result<Duration> {
        self.timer.now(clock)
    }
}

impl AsFd for TimerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_raw_fd()
    }
}
