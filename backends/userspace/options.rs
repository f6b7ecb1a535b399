//! The options of the timer thread, which the program can set once.

use std::io;

use crate::backends::sys;
use crate::backends::sys::error::{os_error, EINVAL};
use crate::backends::sys::set_once::SetOnce;
use crate::backends::sys::thread_options::ThreadOptions;

static DEFAULT: ThreadOptions = ThreadOptions::new();
static OF_PROCESS: SetOnce<ThreadOptions> = SetOnce::new();

/// Returns the options that the program has set, or `None` for the default. After this call, none
/// can be set.
pub(crate) fn fix() -> Option<&'static ThreadOptions> {
    let options = OF_PROCESS.get_or_set(&DEFAULT);
    (!std::ptr::eq(options, &DEFAULT)).then_some(options)
}

impl ThreadOptions {
    /// Makes these the options of the timer thread of this process.
    ///
    /// Options can be set once, before the first timer is created. They apply to every start of the
    /// thread. A forked child has its parent's options.
    ///
    /// The system checks the options when the thread starts. If it refuses them, the call that arms
    /// a timer fails with the system's error and changes nothing: `EPERM` without the privilege for
    /// a real-time policy (`CAP_SYS_NICE` or `RLIMIT_RTPRIO` on Linux), `EINVAL` for a CPU that the
    /// system lacks. The library does not fall back to other options: every later call that arms a
    /// timer fails too. A program that wants an ordinary thread in that case checks its privilege
    /// first.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: options were set before, or [`start_thread`](super::start_thread) was called,
    ///   even if it failed. Or this process, or a process that forked it, has tried to create a
    ///   [`TimerFd`](crate::TimerFd), or has created a timer of the userspace backend.
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
        OF_PROCESS.set_or_busy(self)
    }
}
