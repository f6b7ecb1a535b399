//! The flags of a new timer and its descriptor.

use crate::accuracy::Accuracy;

/// The flags of a new timer and its descriptor.
///
/// ```
/// use portable_timerfd::CreateFlags;
/// let blocking = CreateFlags { nonblocking: false, ..CreateFlags::default() };
/// assert!(blocking.close_on_exec);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct CreateFlags {
    /// If `true`, a read fails with `EAGAIN` while the timer has not expired.
    ///
    /// Otherwise the read waits. `true` by default.
    #[doc(alias = "TFD_NONBLOCK")]
    pub nonblocking: bool,
    /// If `true`, the descriptor is closed when the process executes another program.
    ///
    /// `true` by default.
    #[doc(alias = "TFD_CLOEXEC")]
    pub close_on_exec: bool,
    /// The accuracy of a timer of the userspace backend.
    ///
    /// `None`, the default, means [the default of the process](Accuracy::process_default).
    pub accuracy: Option<Accuracy>,
}

impl Default for CreateFlags {
    fn default() -> CreateFlags {
        CreateFlags { nonblocking: true, close_on_exec: true, accuracy: None }
    }
}
