//! The backend of the process: chosen by the program or by the environment, once.

use std::io;

use crate::accuracy::Accuracy;
use crate::backend::Backend;
use crate::backends::sys::environment;
use crate::backends::sys::set_once::SetOnce;
use crate::backends::userspace;

/// The environment variable that names a backend.
const VARIABLE: &str = "PORTABLE_TIMERFD_BACKEND";

/// The program's choice. `None` after the first timer, if the program has made no choice.
static CHOSEN: SetOnce<Option<Backend>> = SetOnce::new();
static NONE: Option<Backend> = None;

/// The choice of the environment. It is read only if it is needed, because std reads it under a
/// lock that a forked child may have inherited.
static OF_ENVIRONMENT: SetOnce<Named> = SetOnce::new();

/// The value of the environment variable.
#[derive(Clone, Copy)]
enum Named {
    /// Nothing: the best backend that supports the timer.
    Best,
    Only(Backend),
    /// A backend that does not exist.
    Unknown,
}

impl Named {
    fn result(self) -> io::Result<Option<Backend>> {
        match self {
            Named::Best => Ok(None),
            Named::Only(backend) => Ok(Some(backend)),
            Named::Unknown => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the value of PORTABLE_TIMERFD_BACKEND is neither `kernel` nor `userspace`",
            )),
        }
    }
}

impl Backend {
    /// Makes this the backend of every [`TimerFd`](crate::TimerFd) for which the program chooses
    /// none.
    ///
    /// The backend of the process can be set once, before the first `TimerFd` is created. So the
    /// choice applies to every `TimerFd`.
    /// [`TimerFdBuilder::backend`](crate::TimerFdBuilder::backend) has precedence. After this call,
    /// the environment variable `PORTABLE_TIMERFD_BACKEND` is ignored. A forked child has its
    /// parent's backend.
    ///
    /// If the `open` function of a backend of your own creates a `TimerFd`, that function must
    /// choose the backend of that `TimerFd`. Otherwise `open` would call itself.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the backend was set before, or if this process or a process that forked it has
    /// tried to create a `TimerFd`.
    pub fn set_for_process(self) -> io::Result<()> {
        CHOSEN.set_or_busy(Some(self))
    }
}

/// Fixes all options of the process: after this call, none can be set.
pub(crate) fn fix() {
    Accuracy::fix();
    userspace::options::fix();
    CHOSEN.get_or_set(&NONE);
}

/// Returns the backend of the process, or `None` for the best one. If the program has made no
/// choice and the first timer was created, this call fixes the choice of the environment.
pub(crate) fn backend() -> io::Result<Option<Backend>> {
    match CHOSEN.get() {
        Some(Some(backend)) => Ok(Some(*backend)),
        Some(None) => of_environment_once().result(),
        None => of_environment().result(),
    }
}

fn of_environment_once() -> Named {
    if OF_ENVIRONMENT.get().is_none() {
        // If another thread has read it meanwhile, that value is in force.
        OF_ENVIRONMENT.set(of_environment());
    }
    OF_ENVIRONMENT.get().copied().unwrap_or(Named::Best)
}

fn of_environment() -> Named {
    match environment::variable(VARIABLE) {
        None => Named::Best,
        Some(name) => name.to_str().and_then(|name| name.parse().ok()).map_or(Named::Unknown, Named::Only),
    }
}
