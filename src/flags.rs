//! How a new timer and its descriptor behave.

use crate::punctuality::Punctuality;

/// How a new timer and its descriptor behave.
///
/// ```
/// use portable_timerfd::CreateFlags;
/// let blocking = CreateFlags { nonblocking: false, ..CreateFlags::default() };
/// assert!(blocking.close_on_exec);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct CreateFlags {
    /// A read with nothing to read fails with `EAGAIN` instead of waiting. `true` by default.
    #[doc(alias = "TFD_NONBLOCK")]
    pub nonblocking: bool,
    /// The descriptor is closed when the process executes another program. `true` by default.
    #[doc(alias = "TFD_CLOEXEC")]
    pub close_on_exec: bool,
    /// How near to its time a timer of the userspace backend is to expire; `None`, the default, leaves it to
    /// [the process](Punctuality::process_default).
    pub punctuality: Option<Punctuality>,
}

impl Default for CreateFlags {
    fn default() -> CreateFlags {
        CreateFlags { nonblocking: true, close_on_exec: true, punctuality: None }
    }
}
