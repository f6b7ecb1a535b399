//! How a new timer's descriptor behaves.

/// How a new timer's descriptor behaves.
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
}

impl Default for CreateFlags {
    fn default() -> CreateFlags {
        CreateFlags { nonblocking: true, close_on_exec: true }
    }
}
