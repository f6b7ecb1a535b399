//! The options of the timer thread, which the program can set once, and again if the system refuses
//! them.

use std::io;

use super::timer::engine;
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EINVAL};
use crate::backends::sys::set_once::SetOnce;
use crate::backends::sys::thread_options::ThreadOptions;

static DEFAULT: ThreadOptions = ThreadOptions::new();
static OF_PROCESS: SetOnce<ThreadOptions> = SetOnce::new();

/// Returns the options that the program has set, or `None` for the default. After this call,
/// options can be set only by [`replace`].
pub(crate) fn fix() -> Option<&'static ThreadOptions> {
    let options = OF_PROCESS.get_or_set(&DEFAULT);
    (!std::ptr::eq(options, &DEFAULT)).then_some(options)
}

/// Replaces the options of the process.
pub(super) fn replace(options: ThreadOptions) {
    OF_PROCESS.replace(options);
}

impl ThreadOptions {
    /// Makes these the options of the timer thread of this process.
    ///
    /// Options can be set once, before the first timer is created. They apply to every start of the
    /// thread. A forked child has its parent's options.
    ///
    /// The system checks the options when the thread starts. If it refuses them, the call that arms
    /// a timer fails with the system's error and changes nothing. The error is `EPERM` if the
    /// process lacks the privilege for a real-time policy (`CAP_SYS_NICE` or `RLIMIT_RTPRIO` on
    /// Linux), and `EINVAL` if the system has none of the CPUs.
    ///
    /// The library does not fall back to other options. So every later call that arms a timer fails
    /// too. After such a failure, the program can set other options:
    ///
    /// ```
    /// use portable_timerfd::backends::userspace::{start_thread, ThreadOptions, ThreadPolicy};
    ///
    /// ThreadOptions::new().policy(ThreadPolicy::Fifo(60)).set_for_process()?;
    /// if start_thread().is_err() {
    ///     ThreadOptions::new().set_for_process()?;
    ///     start_thread()?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `EBUSY`: options were set before, or [`start_thread`](super::start_thread) was called.
    /// - `EBUSY`: this process, or a process that forked it, has tried to create a
    ///   [`TimerFd`](crate::TimerFd), or has created a timer of the userspace backend.
    ///
    ///   In both cases, the call succeeds if the last start of the thread in this process has
    ///   failed.
    /// - `EINVAL`: the list of CPUs is empty or names a CPU above 8191, or the priority is outside
    ///   the policy's range.
    /// - `EOPNOTSUPP`: the platform cannot set these options. Only Linux can set CPUs. Android,
    ///   Haiku and systems that are not listed can set neither policy nor CPUs. Apple systems
    ///   cannot combine [`exact_sleep`](ThreadOptions::exact_sleep) with a real-time policy.
    pub fn set_for_process(self) -> io::Result<()> {
        if !self.has_valid_cpus() {
            return Err(os_error(EINVAL));
        }
        sys::thread::check(&self)?;
        if OF_PROCESS.get().is_some() {
            return engine()?.replace_refused_options(self);
        }
        OF_PROCESS.set_or_busy(self)
    }
}
