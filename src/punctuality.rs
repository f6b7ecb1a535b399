//! How near to its time a timer of the userspace backend is to expire, and what that may cost.

use std::sync::atomic::{AtomicU8, Ordering};

/// How near to its time a timer of the userspace backend is to expire, and what that may cost.
///
/// Most of what makes a timer late is that a sleeping processor, and then a thread, take a while to wake: some tens of
/// microseconds. So the timer thread can wake up ahead of the time, and hold until it: it looks at the clock, over and over, and
/// keeps a processor busy meanwhile. The modes differ in how far ahead. In none of them is a timer ever early, and none of them
/// costs anything while nothing is due, nor for a timer that was put off or turned off. While a timer stays unread, all modes cost
/// the same: the refreshes of its count.
///
/// What a mode gives depends on the machine: holding needs a processor to spare, and does nothing about the time that the reader
/// takes to wake. `docs/performance.md` in the source has what each was measured to give and to cost.
///
/// [Each timer](crate::TimerFdBuilder::punctuality) has a mode for its whole life, by default that of
/// [the process](Punctuality::set_process_default) at the time it is made.
///
/// ```
/// use portable_timerfd::{Clock, Punctuality, TimerFd};
/// Punctuality::Economical.set_process_default();
/// let metronome = TimerFd::builder(Clock::Monotonic).punctuality(Punctuality::Precise).open()?;
/// let timeout = TimerFd::new(Clock::Monotonic)?; // an economical one
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Platforms
///
/// What is said here was measured on Linux. macOS may join a thread's sleeps with others', for longer than any lead. The kernel
/// backend takes no notice of a mode. Where the system's sleeps end at its ticks only (10 ms, on NetBSD and OpenBSD), no
/// lead is long enough, and the modes are all alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Punctuality {
    /// Wakes up when the time has come, and is as late as waking up takes. The processor is held by nothing.
    Economical,
    /// Wakes up ahead by what nine wake-ups of ten have lately taken, at most 200 µs. All such timers of the process together
    /// hold for a hundredth of one processor's time at most (and for a millisecond that was saved up before): the oftener one is
    /// due, the shorter.
    #[default]
    Adaptive,
    /// Wakes up ahead by twice that, at least 100 µs and at most 400 µs, and holds for the rest of it at each expiration: for a
    /// whole processor's time if such timers are due more often than that.
    Precise,
}

/// The process's choice, by its place in the declaration.
static PROCESS_DEFAULT: AtomicU8 = AtomicU8::new(Punctuality::Adaptive as u8);

impl Punctuality {
    /// Every mode there is, from the cheapest to the most exact.
    pub const ALL: [Punctuality; 3] = [Punctuality::Economical, Punctuality::Adaptive, Punctuality::Precise];

    /// Makes this the mode of the timers that the process makes from now on without saying which, whatever thread makes them.
    /// A forked child begins with its parent's choice.
    pub fn set_process_default(self) {
        PROCESS_DEFAULT.store(self as u8, Ordering::Relaxed);
    }

    /// The mode of a timer that is made without saying which: [`Adaptive`](Punctuality::Adaptive), unless the process has
    /// chosen another.
    #[must_use]
    pub fn process_default() -> Punctuality {
        Punctuality::ALL.get(usize::from(PROCESS_DEFAULT.load(Ordering::Relaxed))).copied().unwrap_or_default()
    }
}
