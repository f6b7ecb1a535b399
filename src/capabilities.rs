//! What a backend's timers can do on one clock of this system.

use std::time::Duration;

/// What a backend's timers can do on one clock of this system, to choose by; see [`Backend::capabilities`].
///
/// A timeout that is to go on while the machine is suspended, on the best clock for it that this system has:
///
/// ```
/// use portable_timerfd::{backends, Clock, TimerFd};
/// let counts_suspend = |clock: &Clock| {
///     let found = |backend: &portable_timerfd::Backend| backend.capabilities(*clock);
///     backends::ALL.iter().find_map(|backend| found(backend).ok()).is_some_and(|can| can.counts_suspend == Some(true))
/// };
/// let clock = [Clock::Boottime, Clock::Realtime].into_iter().find(counts_suspend).unwrap_or(Clock::Monotonic);
/// let timer = TimerFd::new(clock)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// [`Backend::capabilities`]: crate::Backend::capabilities
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Capabilities {
    /// Whether [`at`](crate::TimerSpec::at) a time of this clock comes nearer while the machine is suspended; `None` where that is not
    /// known. (Of [relative](crate::TimerSpec::after) settings it says the same, but for those of the wall clock, which run on
    /// the monotonic one.)
    pub counts_suspend: Option<bool>,
    /// Whether an expiration ends a suspend.
    pub wakes_the_machine: bool,
    /// Whether [`cancel_on_set`](crate::TimerSpec::cancel_on_set) has a meaning on this clock, and is obeyed.
    pub cancel_on_set: bool,
    /// How long after a step of the clock, or after a suspend, who asks the descriptor alone may be shown what was true before; the
    /// methods never are. Zero where the clock makes no such jumps, too. The time that it takes to wake a thread comes to it.
    pub notices_jumps_within: Duration,
    /// Whether a forked child, or a program executed in place of this one, can set an inherited timer, and whether it goes on when
    /// the process that made it ends.
    pub outlives_its_process: bool,
}
