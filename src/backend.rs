//! The type of one row of the table of backends.

use std::fmt;
use std::io;

use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::timer::Timer;

/// A mechanism that makes timers: its name, and how to open one.
///
/// [`backends::ALL`](crate::backends::ALL) lists those of this crate.
#[derive(Clone, Copy)]
pub struct Backend {
    name: &'static str,
    open: fn(Clock, CreateFlags) -> io::Result<Box<dyn Timer>>,
    capabilities: fn(Clock) -> io::Result<Capabilities>,
}

impl Backend {
    /// A row of the table.
    ///
    /// `open` makes a disarmed timer. If this system has no such mechanism, or none for this clock, `open` fails with
    /// [`Unsupported`](io::ErrorKind::Unsupported). If a sandbox forbids the mechanism, `open` fails with
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied). [`TimerFd`](crate::TimerFd) tries the next backend after these two errors,
    /// except after `PermissionDenied` for an alarm clock. It returns any other error. `capabilities` says what such a timer can do, or fails with the error that `open` would fail with.
    #[must_use]
    pub const fn new(
        name: &'static str,
        open: fn(Clock, CreateFlags) -> io::Result<Box<dyn Timer>>,
        capabilities: fn(Clock) -> io::Result<Capabilities>,
    ) -> Backend {
        Backend { name, open, capabilities }
    }

    /// The mechanism's name, as a user types it: `kernel` or `userspace` for those of this crate. (A timer of
    /// [simulated time](crate::backends::simulated) says `simulated`, which no user can ask for.)
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Makes a disarmed timer.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](io::ErrorKind::Unsupported) (`ENOSYS`, `EOPNOTSUPP`): this system lacks the mechanism, or the
    ///   clock.
    /// - `EMFILE`, `ENFILE`: no descriptor is left. `ENOMEM`: no memory.
    /// - `EPERM`: an alarm clock, without the capability `CAP_WAKE_ALARM`.
    /// - `EPERM`, `EACCES`, or another error of its choice: a sandbox forbids the system call.
    #[doc(alias = "timerfd_create")]
    pub fn open(&self, clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
        (self.open)(clock, flags)
    }

    /// What timers of this clock can do on this system, if this thread can make one at the moment.
    ///
    /// ```
    /// use portable_timerfd::{backends, Clock};
    /// let userspace = backends::named("userspace").expect("it stands in the table");
    /// assert!(userspace.capabilities(Clock::Realtime)?.cancel_on_set);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`open`](Backend::open) for such a timer, but perhaps for want of descriptors or memory: so this tells whether the backend has the clock, as [`Clock::now`] does not.
    /// The kernel backend makes a timer to find out, and closes it, which takes a descriptor for the moment.
    pub fn capabilities(&self, clock: Clock) -> io::Result<Capabilities> {
        (self.capabilities)(clock)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Backend").field(&self.name).finish()
    }
}
