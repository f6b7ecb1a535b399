//! The table of backends, best first.

pub(crate) mod emulation;
pub mod kernel;
pub mod simulated;
pub(crate) mod sys;
pub mod userspace;

use crate::backend::Backend;

/// Every backend of this crate that makes timers of real time, best first. One that this system lacks says
/// [`Unsupported`](std::io::ErrorKind::Unsupported) when it is asked for a timer.
pub static ALL: &[Backend] = &[kernel::BACKEND, userspace::BACKEND];

/// The backend of this name.
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
