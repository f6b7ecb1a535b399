//! The backends: implementations of pollable timers, listed best first in [`ALL`].

pub(crate) mod emulation;
pub mod kernel;
pub mod simulated;
pub(crate) mod sys;
pub mod userspace;

use std::io;
use std::str::FromStr;

use self::sys::error::{os_error, EINVAL};
use crate::backend::Backend;

/// The backends of this crate that create timers on real time, best first.
///
/// A backend that this platform does not support returns
/// [`Unsupported`](std::io::ErrorKind::Unsupported) when a program creates a timer.
pub static ALL: &[Backend] = &[kernel::BACKEND, userspace::BACKEND];

/// Parses the name of a backend in [`ALL`].
///
/// # Errors
///
/// `EINVAL` if no backend in `ALL` has this name.
impl FromStr for Backend {
    type Err = io::Error;

    fn from_str(name: &str) -> io::Result<Backend> {
        ALL.iter().find(|backend| backend.name() == name).copied().ok_or_else(|| os_error(EINVAL))
    }
}
