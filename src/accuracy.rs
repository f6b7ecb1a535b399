//! The accuracy of the userspace backend's timers, and its cost.

use std::io;

use crate::backends::sys::set_once::SetOnce;

/// The accuracy of a timer of the userspace backend, and what it may cost.
///
/// Most of the latency of an expiration is the time that a sleeping CPU, and then a thread, take to
/// wake up: some tens of microseconds. To hide this time, the timer thread can wake up before the
/// expiration (by the *wake-ahead*) and *spin* until the expiration: it checks the clock
/// repeatedly, which keeps one CPU busy. The modes differ in the length of the wake-ahead.
///
/// A timer is never early in any mode. No mode costs anything while no timer is due, or for a timer
/// that was postponed or disarmed. While a timer stays unread, the cost is the same in all modes:
/// the refreshes of its count.
///
/// The effect of a mode depends on the machine. Spinning needs a free CPU, and it does not shorten
/// the time that the reader takes to wake up. If the process may use only one CPU, spinning keeps
/// the reader from that CPU, and [`Economical`](Accuracy::Economical) can be more accurate.
/// `docs/performance.md` in the source has measurements of each mode's latency and cost.
///
/// [Each timer](crate::TimerFdBuilder::accuracy) has one mode for its whole life. The default is
/// the mode of [the process](Accuracy::set_for_process).
///
/// ```
/// use portable_timerfd::{Accuracy, Clock, TimerFd};
/// Accuracy::Economical.set_for_process()?;
/// let metronome = TimerFd::builder(Clock::Monotonic).accuracy(Accuracy::Precise).open()?;
/// let timeout = TimerFd::new(Clock::Monotonic)?; // an economical one
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Platforms
///
/// The figures on this page were measured on Linux. The kernel backend ignores the mode.
///
/// - Apple systems delay the end of a sleep to combine several wake-ups: by up to 1 ms in ordinary
///   processes, and by up to 10 s in App Nap. This delay can exceed every wake-ahead.
///   [`ThreadOptions::exact_sleep`](crate::backends::userspace::ThreadOptions::exact_sleep)
///   prevents the delay, at the cost of energy.
/// - On FreeBSD, the timer thread sleeps in several parts, because the system extends each sleep by
///   up to 1/16 of its length. An extension of at most 200 µs remains.
/// - On NetBSD, OpenBSD and DragonFly, a sleep ends at a tick of the system (about every 10 ms),
///   and up to two ticks late. No wake-ahead is that long, so all modes have the same accuracy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Accuracy {
    /// Wakes up at the expiration, without spinning.
    ///
    /// The latency is the time that the wake-up takes.
    Economical,
    /// Spins before the expiration, within a CPU budget.
    ///
    /// The wake-ahead is the recent 90th-percentile wake-up latency, at most 200 µs. A token bucket
    /// limits the spinning of all adaptive timers of the process together to 1 % of one CPU. The
    /// bucket holds at most one millisecond of unspent budget. The emptier the bucket is, the
    /// shorter the wake-ahead. So the more often such timers are due, the shorter the thread spins
    /// for each.
    #[default]
    Adaptive,
    /// Spins before every expiration, without a limit.
    ///
    /// The wake-ahead is twice the recent 90th-percentile wake-up latency, at least 100 µs and at
    /// most 400 µs. If such timers are due more often than the wake-ahead is long, the timer thread
    /// keeps one CPU busy all the time.
    Precise,
}

static OF_PROCESS: SetOnce<Accuracy> = SetOnce::new();
static DEFAULT: Accuracy = Accuracy::Adaptive;

impl Accuracy {
    /// All modes, from the cheapest to the most accurate.
    pub const ALL: &'static [Accuracy] = &[Accuracy::Economical, Accuracy::Adaptive, Accuracy::Precise];

    /// Makes this the mode of timers for which the program chooses none.
    ///
    /// The mode of the process can be set once, before the first timer is created. So the mode
    /// applies to all timers. A forked child has its parent's mode.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the mode was set before, or if this process or a process that forked it has tried
    /// to create a [`TimerFd`](crate::TimerFd), or has created a timer of the userspace backend.
    pub fn set_for_process(self) -> io::Result<()> {
        OF_PROCESS.set_or_busy(self)
    }

    /// Returns the mode of timers for which the program chooses none.
    ///
    /// It is [`Adaptive`](Accuracy::Adaptive), unless the process has
    /// [set another](Accuracy::set_for_process).
    #[must_use]
    pub fn of_process() -> Accuracy {
        OF_PROCESS.get().copied().unwrap_or(DEFAULT)
    }

    /// Returns the mode of the process. After this call, the mode cannot be set.
    pub(crate) fn fix() -> Accuracy {
        *OF_PROCESS.get_or_set(&DEFAULT)
    }
}
