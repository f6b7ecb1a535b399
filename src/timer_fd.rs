//! The facade: a timer of the best backend that this system has.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::backend::Backend;
use crate::backends;
use crate::backends::simulated::{self, SimulatedTimer};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::punctuality::Punctuality;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// A [`Timer`] of the best backend that this system has.
///
/// That is the kernel's timer on Linux and Android, and the userspace backend's elsewhere. The userspace backend also
/// serves if the kernel has no such timer (`ENOSYS`), and if a sandbox forbids `timerfd_create` (`EPERM`, `EACCES`)
/// for a clock that needs no privilege.
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
    /// A disarmed timer, its descriptor non-blocking and closed on `exec`.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`]. [`Unsupported`](io::ErrorKind::Unsupported) if no backend has this clock here.
    pub fn new(clock: Clock) -> io::Result<TimerFd> {
        TimerFd::builder(clock).open()
    }

    /// A timer with other flags, or of a backend asked for by name.
    ///
    /// ```
    /// use portable_timerfd::{backends, Clock, Timer, TimerFd};
    /// let backend = backends::named("userspace").expect("it stands in the table");
    /// let timer = TimerFd::builder(Clock::Realtime).backend(backend).nonblocking(false).open()?;
    /// assert_eq!(timer.backend().name(), "userspace");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder(clock: Clock) -> TimerFdBuilder {
        TimerFdBuilder { clock, flags: CreateFlags::default(), backend: None }
    }

    /// The backend that the timer is of.
    #[must_use]
    pub fn backend(&self) -> &'static Backend {
        self.backend
    }

    /// The clock that the timer counts on.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// Makes a [`TimerFd`]; see [`TimerFd::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TimerFdBuilder {
    clock: Clock,
    flags: CreateFlags,
    backend: Option<&'static Backend>,
}

impl TimerFdBuilder {
    /// Whether a read with nothing to read fails with `EAGAIN` (the default) or waits.
    pub fn nonblocking(mut self, nonblocking: bool) -> TimerFdBuilder {
        self.flags.nonblocking = nonblocking;
        self
    }

    /// Whether the descriptor is closed when the process executes another program (the default) or inherited.
    ///
    /// # Platforms
    ///
    /// An inherited descriptor of the userspace backend can be read, not set. It ends with the process that made it, or with
    /// the program that this process executed another one in place of: then the reader finds the end of the file.
    pub fn close_on_exec(mut self, close_on_exec: bool) -> TimerFdBuilder {
        self.flags.close_on_exec = close_on_exec;
        self
    }

    /// How near to its time the timer is to expire, and at what cost; by default as [the
    /// process](Punctuality::process_default) has it.
    ///
    /// # Platforms
    ///
    /// The kernel backend takes no notice of it: its timers are as punctual as the kernel is.
    pub fn punctuality(mut self, punctuality: Punctuality) -> TimerFdBuilder {
        self.flags.punctuality = Some(punctuality);
        self
    }

    /// This backend, and no other.
    pub fn backend(mut self, backend: &'static Backend) -> TimerFdBuilder {
        self.backend = Some(backend);
        self
    }

    /// Makes the timer, disarmed. Of an alarm clock, only by a backend that wakes the machine, unless one was asked for.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`]. [`Unsupported`](io::ErrorKind::Unsupported) if the backend asked for, or each of
    /// them if none was, lacks the clock or does not exist here.
    pub fn open(self) -> io::Result<TimerFd> {
        self.by_the_best(|backend| {
            let timer = backend.open(self.clock, self.flags)?;
            Ok(TimerFd { timer, backend, clock: self.clock })
        })
    }

    /// What the timer that [`open`](TimerFdBuilder::open) would make can do.
    ///
    /// # Errors
    ///
    /// Those of [`open`](TimerFdBuilder::open).
    pub fn capabilities(self) -> io::Result<Capabilities> {
        self.by_the_best(|backend| backend.capabilities(self.clock))
    }

    /// What the backend that was asked for gives, or else the first that has such timers.
    fn by_the_best<T>(self, ask: impl Fn(&'static Backend) -> io::Result<T>) -> io::Result<T> {
        if let Some(backend) = self.backend {
            return ask(backend);
        }
        let mut refusal = io::Error::from(io::ErrorKind::Unsupported);
        for backend in backends::ALL.iter().filter(|backend| self.is_served_by(backend)) {
            match ask(backend) {
                Err(e) if self.is_left_to_the_next(&e) => refusal = e,
                result => return result,
            }
        }
        Err(refusal)
    }

    /// Whether another backend may have such a timer. An alarm clock needs a capability, so that its
    /// error is true of each backend; for any other clock, a sandbox forbids the call.
    fn is_left_to_the_next(self, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::Unsupported => true,
            io::ErrorKind::PermissionDenied => !self.clock.is_alarm(),
            _ => false,
        }
    }

    /// Who takes an alarm clock, and does not say of which backend, wants to be woken. (What it can't do for an error, that is told
    /// when it is asked to.)
    fn is_served_by(self, backend: &Backend) -> bool {
        !self.clock.is_alarm() || backend.capabilities(self.clock).map_or(true, |can| can.wakes_the_machine)
    }
}

/// For tests of code that takes this type and no other: a timer of simulated time.
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
