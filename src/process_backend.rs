//! The backend of the process: chosen by the program or by the environment, once.

use std::io;

use crate::accuracy::Accuracy;
use crate::backend::Backend;
use crate::backends::sys::environment;
use crate::backends::sys::error::{os_error, EBUSY, EINVAL};
use crate::backends::sys::set_once::SetOnce;
use crate::backends::userspace;

/// The environment variable that names a backend.
const VARIABLE: &str = "PORTABLE_TIMERFD_BACKEND";

/// The backend of timers for which the program chooses none.
#[derive(Clone, Copy)]
enum Choice {
    /// The best backend that supports the timer.
    Best,
    Only(Backend),
    /// The environment names a backend that does not exist.
    Unknown,
}

static OF_PROCESS: SetOnce<Choice> = SetOnce::new();
static BEST: Choice = Choice::Best;

impl Choice {
    fn result(self) -> io::Result<Option<Backend>> {
        match self {
            Choice::Best => Ok(None),
            Choice::Only(backend) => Ok(Some(backend)),
            Choice::Unknown => Err(os_error(EINVAL)),
        }
    }
}

impl Backend {
    /// Makes this the backend of every [`TimerFd`](crate::TimerFd) for which the program chooses
    /// none.
    ///
    /// The backend of the process can be set once, before the first `TimerFd` is created. So it
    /// holds for all of them. [`TimerFdBuilder::backend`](crate::TimerFdBuilder::backend) has
    /// precedence, and the environment variable `PORTABLE_TIMERFD_BACKEND` is not read then. A
    /// forked child has its parent's backend.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the backend was set before, or if this process or a process that forked it has
    /// created a `TimerFd`.
    pub fn set_for_process(self) -> io::Result<()> {
        if OF_PROCESS.set(Choice::Only(self)) {
            Ok(())
        } else {
            Err(os_error(EBUSY))
        }
    }
}

/// Returns the backend of the process, or `None` for the best one. It can still be set.
pub(crate) fn current() -> io::Result<Option<Backend>> {
    OF_PROCESS.get().copied().unwrap_or_else(of_environment).result()
}

/// Returns the backend of the process, or `None` for the best one. After this call, no option of
/// the process can be set.
pub(crate) fn fix() -> io::Result<Option<Backend>> {
    Accuracy::fix();
    userspace::options::fix();
    if OF_PROCESS.get().is_none() {
        match of_environment() {
            Choice::Best => {}
            // If another thread has chosen meanwhile, that choice is in force.
            choice => drop(OF_PROCESS.set(choice)),
        }
    }
    OF_PROCESS.get_or_set(&BEST).result()
}

fn of_environment() -> Choice {
    match environment::variable(VARIABLE) {
        None => Choice::Best,
        Some(name) => name.to_str().and_then(|name| name.parse().ok()).map_or(Choice::Unknown, Choice::Only),
    }
}
