//! The capabilities of a backend's timers on one clock of this system.

use std::time::Duration;

/// The capabilities of timers on one clock of this system.
///
/// [`Backend::capabilities`](crate::Backend::capabilities) returns those of a backend's timers.
/// [`TimerFdBuilder::capabilities`](crate::TimerFdBuilder::capabilities) returns those of the timer
/// that the builder would create.
///
/// This example creates a timeout that continues while the system is suspended, on the best clock
/// of this system:
///
/// ```
/// use portable_timerfd::{Clock, TimerFd};
/// use std::time::Duration;
/// let counts_suspend = |clock: &Clock| {
///     TimerFd::builder(*clock).capabilities().is_ok_and(|can| can.counts_suspend == Some(true))
/// };
/// let clock = [Clock::Boottime, Clock::Realtime].into_iter().find(counts_suspend).unwrap_or(Clock::Monotonic);
/// let timer = TimerFd::new(clock)?;
/// // An absolute time, because a relative one of the wall clock does not count suspends. If the
/// // chosen clock is the wall clock, clock changes move the expiration.
/// timer.arm_at(clock.now()? + Duration::from_secs(3600))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// To implement [a backend](crate::Backend::new), start with [`Capabilities::default`], which has
/// no capability, and set the fields that apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether this clock advances while the system is suspended.
    ///
    /// `None` if that is not known. The value applies to [absolute](crate::TimerSpec::at) settings.
    /// It also applies to [relative](crate::TimerSpec::after) settings, except those on
    /// [`Realtime`](crate::Clock::Realtime), which run on the monotonic clock.
    pub counts_suspend: Option<bool>,
    /// Whether an expiration wakes a suspended system. The hardware must have a clock that can do
    /// so.
    pub wakes_system: bool,
    /// Whether [`cancel_on_set`](crate::TimerSpec::cancel_on_set) has an effect on this clock.
    pub cancel_on_set: bool,
    /// The longest delay until the descriptor's readiness reflects a jump of the clock.
    ///
    /// A jump is a clock change, or a suspend that the clock counts. The methods of
    /// [`Timer`](crate::Timer) are always up to date.
    ///
    /// Zero if this clock does not jump, or if the backend notices jumps at once. `None` if it is
    /// not known whether the clock jumps. The time to wake a thread is not included.
    pub jump_latency: Option<Duration>,
    /// Whether the timer works outside the process that created it.
    ///
    /// If `true`, a forked child, or a program that this process executes, can set an inherited
    /// timer. The timer continues when the process that created it ends.
    pub process_shared: bool,
}
