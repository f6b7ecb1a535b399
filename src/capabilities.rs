//! What a backend's timers can do on one clock of this system.

use std::time::Duration;

/// What timers can do on one clock of this system, to choose by: those of [a backend](crate::Backend::capabilities), or those that
/// [`TimerFd`](crate::TimerFdBuilder::capabilities) would make.
///
/// A timeout that is to go on while the machine is suspended, on the best clock for it that this system has:
///
/// ```
/// use portable_timerfd::{Clock, Timer, TimerFd};
/// use std::time::Duration;
/// let counts_suspend = |clock: &Clock| {
///     TimerFd::builder(*clock).capabilities().is_ok_and(|can| can.counts_suspend == Some(true))
/// };
/// let clock = [Clock::Boottime, Clock::Realtime].into_iter().find(counts_suspend).unwrap_or(Clock::Monotonic);
/// let timer = TimerFd::new(clock)?;
/// // At a time, as relative ones of the wall clock don't count suspends. Steps of the wall clock move it.
/// timer.arm_at(clock.now()? + Duration::from_secs(3600))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Who makes [a backend](crate::Backend::new) of their own begins with [`Capabilities::default`], which has none, and sets what
/// there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether [a time](crate::TimerSpec::at) of this clock comes nearer while the machine is suspended; `None` where that is not
    /// known. [Relative](crate::TimerSpec::after) settings do as these, but for those of [`Realtime`](crate::Clock::Realtime), which
    /// run on the monotonic clock.
    pub counts_suspend: Option<bool>,
    /// Whether an expiration ends a suspend, on a machine that has a clock for it.
    pub wakes_the_machine: bool,
    /// Whether [`cancel_on_set`](crate::TimerSpec::cancel_on_set) has a meaning on this clock, and is obeyed.
    pub cancel_on_set: bool,
    /// How long after a step of the clock, or after a suspend, who asks the descriptor alone may be shown what was true before; the
    /// methods never are. Zero where the clock makes no such jumps, `None` where it is not known whether it does. The time that it
    /// takes to wake a thread comes to it.
    pub notices_jumps_within: Option<Duration>,
    /// Whether a forked child, or a program executed in place of this one, can set an inherited timer, and whether it goes on when
    /// the process that made it ends.
    pub outlives_its_process: bool,
}
