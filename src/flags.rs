//! The flags of a new timer and its descriptor.

use crate::accuracy::Accuracy;

/// The flags of a new timer and its descriptor.
///
/// They are an argument of [`Backend::open`](crate::Backend::open),
/// [`SimulatedClock::open`](crate::SimulatedClock::open) and the `new` functions of the backends'
/// timers. For a [`TimerFd`](crate::TimerFd), use [the builder](crate::TimerFdBuilder).
///
/// ```
/// use portable_timerfd::CreateFlags;
/// let blocking = CreateFlags::new().nonblocking(false);
/// assert!(blocking.close_on_exec && !blocking.nonblocking);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// `None`, the default, means [the default of the process](Accuracy::of_process).
    pub accuracy: Option<Accuracy>,
}

impl CreateFlags {
    /// Creates the default flags: non-blocking, and closed on `exec`.
    #[must_use]
    pub const fn new() -> CreateFlags {
        CreateFlags { nonblocking: true, close_on_exec: true, accuracy: None }
    }

    /// Returns these flags with another value of [`nonblocking`](#structfield.nonblocking).
    #[must_use]
    pub const fn nonblocking(self, nonblocking: bool) -> CreateFlags {
        CreateFlags { nonblocking, ..self }
    }

    /// Returns these flags with another value of [`close_on_exec`](#structfield.close_on_exec).
    #[must_use]
    pub const fn close_on_exec(self, close_on_exec: bool) -> CreateFlags {
        CreateFlags { close_on_exec, ..self }
    }

    /// Returns these flags with an [`accuracy`](#structfield.accuracy).
    #[must_use]
    pub const fn accuracy(self, accuracy: Accuracy) -> CreateFlags {
        CreateFlags { accuracy: Some(accuracy), ..self }
    }
}

impl Default for CreateFlags {
    fn default() -> CreateFlags {
        CreateFlags::new()
    }
}
