//! The clocks of timers.

/// A clock that a timer counts on.
///
/// The names are those of POSIX and Linux. On some systems, the clock of that name behaves
/// differently from Linux's. There, the library uses another clock that behaves like Linux's, if
/// the system has one. [`Capabilities::counts_suspend`](crate::Capabilities::counts_suspend)
/// returns the behaviour of the clock that is used. [`Clock::now`] lists the clocks.
///
/// | clock | moves with clock changes | counts suspend | wakes the system |
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
    /// The wall clock: time since the Unix epoch.
    ///
    /// A user or a program can change this clock. A *relative* setting runs on the monotonic clock,
    /// so clock changes do not affect it (Linux, `hrtimer_setup`).
    #[doc(alias = "CLOCK_REALTIME")]
    Realtime,
    /// Time since an unspecified point.
    ///
    /// It is never changed, and it stops while the system is suspended.
    #[doc(alias = "CLOCK_MONOTONIC")]
    Monotonic,
    /// Like [`Monotonic`](Clock::Monotonic), but includes the time in suspend.
    ///
    /// Most systems other than Linux and Android lack this clock. There, creating a timer fails
    /// with [`Unsupported`](std::io::ErrorKind::Unsupported).
    #[doc(alias = "CLOCK_BOOTTIME")]
    Boottime,
    /// Like [`Realtime`](Clock::Realtime), but wakes a suspended system.
    ///
    /// Only the kernel backend wakes the system. A timer of the userspace backend expires after the
    /// system resumes.
    ///
    /// Linux and Android only. Requires the capability `CAP_WAKE_ALARM`. A relative setting is
    /// converted to an absolute time at once, so clock changes do affect it.
    #[doc(alias = "CLOCK_REALTIME_ALARM")]
    RealtimeAlarm,
    /// Like [`Boottime`](Clock::Boottime), but wakes a suspended system.
    ///
    /// Only the kernel backend wakes the system. A timer of the userspace backend expires after the
    /// system resumes.
    ///
    /// Linux and Android only. Requires the capability `CAP_WAKE_ALARM`.
    #[doc(alias = "CLOCK_BOOTTIME_ALARM")]
    BoottimeAlarm,
}

impl Clock {
    /// All clocks, in the order of their declaration.
    pub const ALL: &'static [Clock] =
        &[Clock::Realtime, Clock::Monotonic, Clock::Boottime, Clock::RealtimeAlarm, Clock::BoottimeAlarm];

    /// Returns whether the clock is meant to wake a suspended system.
    ///
    /// [`Capabilities::wakes_system`](crate::Capabilities::wakes_system) returns whether a backend
    /// does so.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        matches!(self, Clock::RealtimeAlarm | Clock::BoottimeAlarm)
    }

    /// Returns the clock with the same time that does not wake the system.
    ///
    /// A clock that is not an alarm clock returns itself.
    #[must_use]
    pub const fn without_alarm(self) -> Clock {
        match self {
            Clock::RealtimeAlarm => Clock::Realtime,
            Clock::BoottimeAlarm => Clock::Boottime,
            other => other,
        }
    }
}
