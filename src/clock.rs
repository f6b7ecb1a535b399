//! The clocks a timer can count on.

/// A clock that a timer can count on.
///
/// The names are those of POSIX and Linux. Where a system's own clock of that name behaves otherwise, the one that behaves
/// as Linux's does is used, if there is one: [`Capabilities::counts_suspend`](crate::Capabilities::counts_suspend) tells.
///
/// | clock | moves with clock steps | counts suspend | wakes the machine |
/// |---|---|---|---|
/// | [`Realtime`](Clock::Realtime) | yes, for [absolute](crate::TimerSpec::at) times | absolute times only | no |
/// | [`Monotonic`](Clock::Monotonic) | no | no | no |
/// | [`Boottime`](Clock::Boottime) | no | yes | no |
/// | [`RealtimeAlarm`](Clock::RealtimeAlarm) | yes | yes | yes |
/// | [`BoottimeAlarm`](Clock::BoottimeAlarm) | no | yes | yes |
///
/// Source: `timerfd_create(2)`, `clock_getres(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clock {
    /// The wall clock, since the Unix epoch. It can be stepped. A *relative* setting of it runs on the monotonic
    /// clock, so that steps leave it alone (Linux, `hrtimer_setup`).
    #[doc(alias = "CLOCK_REALTIME")]
    Realtime,
    /// Time since some fixed point, never stepped; stands still while the machine is suspended.
    #[doc(alias = "CLOCK_MONOTONIC")]
    Monotonic,
    /// As [`Monotonic`](Clock::Monotonic), but counting the time in suspend. Not every system has it.
    #[doc(alias = "CLOCK_BOOTTIME")]
    Boottime,
    /// As [`Realtime`](Clock::Realtime), and wakes a suspended machine: by the kernel backend, others keep the time only. Linux and
    /// Android only; needs the capability `CAP_WAKE_ALARM`. A relative setting becomes an absolute time at once, so that steps do move it.
    #[doc(alias = "CLOCK_REALTIME_ALARM")]
    RealtimeAlarm,
    /// As [`Boottime`](Clock::Boottime), and wakes a suspended machine. Linux and Android only; needs the capability
    /// `CAP_WAKE_ALARM`.
    #[doc(alias = "CLOCK_BOOTTIME_ALARM")]
    BoottimeAlarm,
}

impl Clock {
    /// Every clock there is, in the order of the declaration.
    pub const ALL: [Clock; 5] =
        [Clock::Realtime, Clock::Monotonic, Clock::Boottime, Clock::RealtimeAlarm, Clock::BoottimeAlarm];

    /// Whether the clock is to wake a suspended machine;
    /// [`Capabilities::wakes_the_machine`](crate::Capabilities::wakes_the_machine) tells whether a backend does.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        matches!(self, Clock::RealtimeAlarm | Clock::BoottimeAlarm)
    }

    /// The clock that tells the same time and wakes nobody: itself, unless it is an alarm clock.
    #[must_use]
    pub const fn without_alarm(self) -> Clock {
        match self {
            Clock::RealtimeAlarm => Clock::Realtime,
            Clock::BoottimeAlarm => Clock::Boottime,
            other => other,
        }
    }
}
