//! How near to its time a timer of the userspace backend is to expire, and what that may cost.

use std::sync::atomic::{AtomicU8, Ordering};

/// How near to its time a timer of the userspace backend is to expire, and what that may cost.
///
/// Most of what makes a timer late is that a sleeping processor, and then a thread, take a while to wake: some tens of
/// microseconds. So the timer thread can wake up ahead of the time, and hold until it: it looks at the clock, over and over, and
/// keeps a processor busy meanwhile. The modes differ in how far ahead. In none of them is a timer ever early, and none of them
/// costs anything while nothing is due. `docs/performance.md` in the source has what each was measured to give and to cost.
///
/// [Each timer](crate::TimerFdBuilder::punctuality) has a mode, by default that of
/// [the process](Punctuality::set_process_default). The kernel's timers know no modes.
///
/// ```
/// use portable_timerfd::{Clock, Punctuality, TimerFd};
/// let metronome = TimerFd::builder(Clock::Monotonic).punctuality(Punctuality::Precise).open()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Punctuality {
    /// Wakes up when the time has come, and is as late as waking up takes. The processor is held by nothing.
    Economical,
    /// Wakes up ahead by what waking up has lately taken, and holds for about a hundredth of one processor's time at most: the
    /// oftener something is due, the shorter.
    #[default]
    Adaptive,
    /// Wakes up ahead by more than waking up usually takes, and holds however often something is due.
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
