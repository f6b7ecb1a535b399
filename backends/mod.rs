//! The backends: implementations of pollable timers, listed best first in [`ALL`].

pub(crate) mod emulation;
pub mod kernel;
pub mod simulated;
pub(crate) mod sys;
pub mod userspace;

use crate::backend::Backend;

/// The backends of this crate that create timers on real time, best first.
///
/// A backend that this platform does not support returns
/// [`Unsupported`](std::io::ErrorKind::Unsupported) when a program creates a timer.
pub static ALL: &[Backend] = &[kernel::BACKEND, userspace::BACKEND];

/// Returns the backend with this name.
///
/// ```
/// use portable_timerfd::backends;
/// assert!(backends::named("kernel").is_some());
/// assert!(backends::named("nonesuch").is_none());
/// ```
#[must_use]
pub fn named(name: &str) -> Option<&'static Backend> {
    ALL.iter().find(|backend| backend.name() == name)
}
