//! The type of a backend.

use std::fmt;
use std::io;

use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::timer::Timer;

/// A mechanism that creates timers: its name, and a function that opens one.
///
/// [`backends::ALL`](crate::backends::ALL) lists the backends of this crate.
#[derive(Clone, Copy)]
pub struct Backend {
    name: &'static str,
    open: fn(Clock, CreateFlags) -> io::Result<Box<dyn Timer>>,
    capabilities: fn(Clock) -> io::Result<Capabilities>,
}

impl Backend {
    /// Creates a backend from its name and its functions.
    ///
    /// `open` creates a disarmed timer. If this system lacks the mechanism, or the mechanism lacks
    /// the clock, `open` fails with [`Unsupported`](io::ErrorKind::Unsupported). If a sandbox
    /// forbids the mechanism, `open` fails with
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied). [`TimerFd`](crate::TimerFd) tries the
    /// next backend after these two errors, except after `PermissionDenied` for an alarm clock. It
    /// returns any other error.
    ///
    /// `capabilities` returns the capabilities of such a timer, or fails with the error that `open`
    /// would fail with.
    #[must_use]
    pub const fn new(
        name: &'static str,
        open: fn(Clock, CreateFlags) -> io::Result<Box<dyn Timer>>,
        capabilities: fn(Clock) -> io::Result<Capabilities>,
    ) -> Backend {
        Backend { name, open, capabilities }
    }

    /// Returns the backend's name, as a user types it.
    ///
    /// The names of this crate's backends are `kernel` and `userspace`. The backend of a
    /// [simulated timer](crate::backends::simulated) is named `simulated`. It cannot be selected by
    /// its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Creates a disarmed timer.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](io::ErrorKind::Unsupported) (`ENOSYS`, `EOPNOTSUPP`): this system lacks
    ///   the mechanism or the clock.
    /// - `EMFILE`, `ENFILE`: no descriptor is left. `ENOMEM`: no memory is left.
    /// - `EPERM`: the clock is an alarm clock, and the thread lacks the capability
    ///   `CAP_WAKE_ALARM`.
    /// - `EPERM`, `EACCES`, or another error chosen by a sandbox: the sandbox forbids the system
    ///   call.
    #[doc(alias = "timerfd_create")]
    pub fn open(&self, clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
        (self.open)(clock, flags)
    }

    /// Returns the capabilities of timers on `clock`, if this thread can create one now.
    ///
    /// So this method shows whether the backend has the clock, unlike [`Clock::now`].
    ///
    /// ```
    /// use portable_timerfd::{backends, Clock};
    /// let userspace = backends::named("userspace").expect("userspace is a backend");
    /// assert!(userspace.capabilities(Clock::Realtime)?.cancel_on_set);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`open`](Backend::open) for such a timer. A backend may succeed even if there are
    /// not enough descriptors or memory to open a timer. The kernel backend creates a timer and
    /// closes it again, so it needs a free descriptor for a moment.
    pub fn capabilities(&self, clock: Clock) -> io::Result<Capabilities> {
        (self.capabilities)(clock)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Backend").field(&self.name).finish()
    }
}
