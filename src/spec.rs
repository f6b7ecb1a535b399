//! What `settime` takes and `gettime` gives: the initial expiration and the interval.

use std::time::Duration;

/// When a timer expires for the first time.
///
/// A choice of three rather than a number whose zero means "off": a computed duration of zero, or a time that has
/// gone by, means *now*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Initial {
    /// Never: the timer is off.
    #[default]
    Disarmed,
    /// This long after the call of `settime`. What `gettime` reports is always of this kind (or `Disarmed`).
    After(Duration),
    /// At this time of the timer's clock, counted from the clock's zero (`TFD_TIMER_ABSTIME`).
    At(Duration),
}

/// A setting of a timer: its initial expiration, and the interval of those that follow.
///
/// ```
/// use portable_timerfd::{Initial, TimerSpec};
/// use std::time::Duration;
///
/// let spec = TimerSpec::after(Duration::from_secs(1)).every(Duration::from_millis(500));
/// assert_eq!(spec.initial(), Initial::After(Duration::from_secs(1)));
/// assert_eq!(spec.interval(), Duration::from_millis(500));
/// ```
///
/// # Range
///
/// Any [`Duration`] is taken. Times saturate at 2⁶³−1 nanoseconds (292 years), which means *never*, so
/// `Duration::MAX` never expires, neither panics nor wraps (Linux, `ktime_set`). The resolution is one nanosecond. On a
/// 32-bit Linux whose C library has a 32-bit `time_t`, the kernel backend saturates at 68 years, which is January 2038 for an
/// absolute time of the wall clock.
#[doc(alias = "itimerspec")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TimerSpec {
    initial: Initial,
    interval: Duration,
    cancel_on_set: bool,
}

impl TimerSpec {
    /// Off, with no interval. Also the `Default`.
    #[must_use]
    pub const fn disarmed() -> TimerSpec {
        TimerSpec::new(Initial::Disarmed, Duration::ZERO)
    }

    /// Expires once, this long from the call of `settime`; zero is *now*.
    #[must_use]
    pub const fn after(delay: Duration) -> TimerSpec {
        TimerSpec::new(Initial::After(delay), Duration::ZERO)
    }

    /// Expires once, at this time of the timer's clock; a time gone by is *now*.
    ///
    /// [`Timer::now`](crate::Timer::now) tells the present time on the same scale, as [`Clock::now`](crate::Clock::now) does of real time, and
    /// [`Clock::of_system_time`](crate::Clock::of_system_time) and [`Clock::of_instant`](crate::Clock::of_instant)
    /// convert std's times.
    #[must_use]
    pub const fn at(time: Duration) -> TimerSpec {
        TimerSpec::new(Initial::At(time), Duration::ZERO)
    }

    /// An initial expiration and an interval (zero: expire once).
    #[must_use]
    pub const fn new(initial: Initial, interval: Duration) -> TimerSpec {
        TimerSpec { initial, interval, cancel_on_set: false }
    }

    /// The same, expiring again after each `interval`; zero makes it expire once.
    ///
    /// Period *k* is due at the initial expiration plus *k* intervals, however late the reads are: no drift.
    #[must_use]
    pub const fn every(self, interval: Duration) -> TimerSpec {
        TimerSpec { interval, ..self }
    }

    /// The same, and a step of the wall clock makes the timer readable, the next `read` failing with `ECANCELED`
    /// (`TFD_TIMER_CANCEL_ON_SET`).
    ///
    /// It acts on the wall clocks only, with an [absolute](TimerSpec::at) initial expiration or with
    /// [`disarmed`](TimerSpec::disarmed): a disarmed timer with this mark only gives notice of steps. Elsewhere it is
    /// accepted and ignored, as Linux does. `gettime` does not report it.
    ///
    /// The `userspace` backend does not report small clock changes: less than 50 µs on Linux. On systems
    /// that slew the wall clock alone the limit is higher, for example 1.4 ms on macOS. `docs/parity.md`
    /// lists it for each system.
    ///
    /// A timer whose time has come when the error is told, also by the step itself, is off after that, periodic or not; one whose time has
    /// not stays armed (Linux, `timerfd_read`). So who is told arms it anew.
    ///
    /// ```no_run
    /// use portable_timerfd::{Clock, Timer, TimerFd, TimerSpec, ECANCELED};
    /// let steps = TimerFd::new(Clock::Realtime)?;
    /// steps.settime(&TimerSpec::disarmed().cancel_on_set())?;
    /// match steps.wait(None) {
    ///     Err(e) if e.raw_os_error() == Some(ECANCELED) => println!("the wall clock was set"),
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn cancel_on_set(self) -> TimerSpec {
        TimerSpec { cancel_on_set: true, ..self }
    }

    /// The initial expiration; as `gettime` reports it, what is left until the next one.
    #[must_use]
    pub const fn initial(&self) -> Initial {
        self.initial
    }

    /// The time from each expiration to the next; zero for a timer that expires once.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether the timer is on.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        !matches!(self.initial, Initial::Disarmed)
    }

    /// Whether a step of the wall clock cancels this setting, see [`cancel_on_set`](TimerSpec::cancel_on_set):
    /// asked for, and with an initial expiration for which it has a meaning.
    #[must_use]
    pub const fn is_canceled_by_steps(&self) -> bool {
        self.cancel_on_set && !matches!(self.initial, Initial::After(_))
    }
}
