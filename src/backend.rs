//! The type of a backend.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;

use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::timer::Timer;

/// A mechanism that creates timers: its name, and a function that opens one.
///
/// [`backends::ALL`](crate::backends::ALL) lists the backends of this crate. [`FromStr`] parses the
/// name of one of these backends, for example from the command line. [`Display`](fmt::Display)
/// writes the name:
///
/// ```
/// use portable_timerfd::{backends, Backend};
/// let backend: Backend = "userspace".parse()?;
/// assert_eq!(backend, backends::userspace::BACKEND);
/// assert_eq!(backend.to_string(), "userspace");
/// assert!("nonesuch".parse::<Backend>().is_err());
/// # Ok::<(), backends::ParseBackendError>(())
/// ```
///
/// Backends of your own are equal if their names are equal.
///
/// [`FromStr`]: std::str::FromStr
#[derive(Clone, Copy)]
pub struct Backend {
    name: &'static str,
    open: fn(Clock, CreateFlags) -> io::Result<Box<dyn Timer>>,
    capabilities: fn(Clock) -> io::Result<Capabilities>,
    is_kernel: bool,
}

impl Backend {
    /// Creates a backend from its name and its functions.
    ///
    /// `open` creates a disarmed timer. If this system lacks the mechanism, or the mechanism lacks
    /// the clock, `open` fails with [`Unsupported`](io::ErrorKind::Unsupported). If a sandbox
    /// forbids the mechanism, `open` fails with
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied). After these two errors,
    /// [`TimerFd`](crate::TimerFd) tries the next backend, except after `PermissionDenied` for an
    /// alarm clock. It returns any other error to the caller.
    ///
    /// `capabilities` returns the capabilities of such a timer. If `open` would fail,
    /// `capabilities` fails with the same error.
    #[must_use]
    pub const fn new(
        name: &'static str,
        open: fn(Clock, CreateFlags) -> io::Result<Box<dyn Timer>>,
        capabilities: fn(Clock) -> io::Result<Capabilities>,
    ) -> Backend {
        Backend { name, open, capabilities, is_kernel: false }
    }

    /// Returns this backend, marked as that of
    /// [`KernelTimer`](crate::backends::kernel::KernelTimer). A [`TimerFd`](crate::TimerFd) stores
    /// such a timer without a box.
    pub(crate) const fn of_kernel_timers(self) -> Backend {
        Backend { is_kernel: true, ..self }
    }

    pub(crate) const fn is_kernel(self) -> bool {
        self.is_kernel
    }

    /// Returns whether both have the same name and functions. For equal functions, the compiler may
    /// still return `false`.
    fn is_same(&self, other: &Backend) -> bool {
        let functions = |backend: &Backend| (backend.open as usize, backend.capabilities as usize);
        self == other && functions(self) == functions(other)
    }

    /// Returns the backend's name, as a user types it.
    ///
    /// The names of this crate's backends are `kernel` and `userspace`. The backend of a [simulated
    /// timer](crate::backends::simulated) is named `simulated`. That backend cannot be selected by
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
    /// If the backend lacks the clock, this method fails, even if [`Clock::now`] succeeds.
    ///
    /// ```
    /// use portable_timerfd::{backends, Clock};
    /// assert!(backends::userspace::BACKEND.capabilities(Clock::Realtime)?.cancel_on_set);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`open`](Backend::open) for such a timer. The userspace backend succeeds even if no
    /// descriptor or memory is left to open a timer. The kernel backend creates a timer and closes
    /// it again, so it needs a free descriptor for a moment.
    pub fn capabilities(&self, clock: Clock) -> io::Result<Capabilities> {
        (self.capabilities)(clock)
    }
}

/// The backend of a timer, in 16 bytes.
///
/// A [`Backend`] has 40 bytes, so a copy of it in each timer would use more memory.
#[derive(Debug)]
pub(crate) enum BackendOfTimer {
    OfCrate(&'static Backend),
    Other(Box<Backend>),
}

impl BackendOfTimer {
    /// `of_crate` are the backends of this crate.
    pub(crate) fn new(backend: Backend, of_crate: &[&'static Backend]) -> BackendOfTimer {
        match of_crate.iter().find(|known| known.is_same(&backend)) {
            Some(known) => BackendOfTimer::OfCrate(known),
            None => BackendOfTimer::Other(Box::new(backend)),
        }
    }

    pub(crate) fn get(&self) -> Backend {
        match self {
            BackendOfTimer::OfCrate(backend) => **backend,
            BackendOfTimer::Other(backend) => **backend,
        }
    }
}

impl PartialEq for Backend {
    fn eq(&self, other: &Backend) -> bool {
        (self.name, self.is_kernel) == (other.name, other.is_kernel)
    }
}

impl Eq for Backend {}

impl Hash for Backend {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Writes the name.
impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Backend").field(&self.name).finish()
    }
}
