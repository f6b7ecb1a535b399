//! The setting of a timer.

use std::io;
use std::time::Duration;

use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::errors::ClockMismatch;

/// The time of a timer's first expiration.
///
/// In C, a time of zero disarms the timer. Here, a computed delay of zero, or a time in the past,
/// means *now*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Initial {
    /// Never: the timer is disarmed.
    #[default]
    Disarmed,
    /// After this delay, counted from the call that sets the timer.
    ///
    /// [`get`](crate::Timer::get) reports only this variant or `Disarmed`.
    After(Duration),
    /// At this time of the timer's clock (`TFD_TIMER_ABSTIME`).
    At(ClockTime),
}

/// A timer setting: the initial expiration, and the interval of the following expirations.
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
/// Every [`Duration`] is accepted. The resolution is one nanosecond. Times saturate at 2⁶³−1
/// nanoseconds (292 years), which means *never* (Linux, `ktime_set`). So a timer that is set to
/// `Duration::MAX` never expires. No value panics or wraps around.
///
/// On a 32-bit Linux whose C library has a 32-bit `time_t`, the kernel backend saturates at 68
/// years. For an absolute time of the wall clock, that is January 2038.
#[doc(alias = "itimerspec")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TimerSpec {
    initial: Initial,
    interval: Duration,
    cancel_on_set: bool,
}

impl TimerSpec {
    /// Creates a disarmed setting without an interval. This is also the `Default`.
    #[must_use]
    pub const fn disarmed() -> TimerSpec {
        TimerSpec::new(Initial::Disarmed, Duration::ZERO)
    }

    /// Creates a setting that expires once, after `delay`. A zero `delay` means *now*.
    ///
    /// The delay starts at the call that sets the timer.
    #[must_use]
    pub const fn after(delay: Duration) -> TimerSpec {
        TimerSpec::new(Initial::After(delay), Duration::ZERO)
    }

    /// Creates a setting that expires once, at `time`.
    ///
    /// If `time` is in the past, the timer expires now. If the timer counts on another clock than
    /// `time`, setting it fails with [`ClockMismatch`]. [`Timer::now`](crate::Timer::now) returns
    /// the current time. For timers of real time, [`Clock::now`] returns the same time.
    #[must_use]
    pub const fn at(time: ClockTime) -> TimerSpec {
        TimerSpec::new(Initial::At(time), Duration::ZERO)
    }

    /// Creates a setting from an initial expiration and an interval.
    ///
    /// A zero interval means one-shot.
    #[must_use]
    pub const fn new(initial: Initial, interval: Duration) -> TimerSpec {
        TimerSpec { initial, interval, cancel_on_set: false }
    }

    /// Returns this setting with the given interval. A zero interval means one-shot.
    ///
    /// The *k*-th expiration after the initial one is due *k* intervals after the initial one,
    /// however late the reads are. The schedule does not drift.
    #[must_use]
    pub const fn every(self, interval: Duration) -> TimerSpec {
        TimerSpec { interval, ..self }
    }

    /// Returns this setting with the flag `TFD_TIMER_CANCEL_ON_SET`: clock changes are reported.
    ///
    /// A change of the wall clock makes the timer readable, and the next `read` fails with
    /// `ECANCELED`. The end of a suspend is such a change too (Linux, `timerfd_resume`).
    ///
    /// The flag has an effect only on the wall clocks, and only if the initial expiration is
    /// [absolute](TimerSpec::at) or the setting is [`disarmed`](TimerSpec::disarmed). A disarmed
    /// timer with this flag reports clock changes and never expires. In all other cases, the flag
    /// is ignored, as on Linux. [`get`](crate::Timer::get) does not report the flag.
    ///
    /// The `userspace` backend does not report small clock changes: less than 50 µs on Linux. On
    /// systems that slew the wall clock but not the monotonic clock, the limit is higher, for
    /// example 1.4 ms on macOS. `docs/parity.md` in the source lists the limits.
    ///
    /// If the timer has unread expirations, or if the clock change makes it expire, `ECANCELED`
    /// discards them and disarms the timer, even if it is periodic. Otherwise the timer stays
    /// armed. A periodic timer also stays armed if [`get`](crate::Timer::get) was called after the
    /// last expiration (Linux, `timerfd_read`). So re-arm the timer after `ECANCELED`. Compare the
    /// current time with the time of the alarm to find out whether the alarm was missed.
    ///
    /// The flag stays in force after a one-shot timer has expired: the timer still reports later
    /// clock changes. To end these reports, [disarm](crate::Timer::disarm) the timer.
    ///
    /// [`is_clock_change`](crate::is_clock_change) recognizes the error, and has an example of an
    /// alarm. This program waits until the wall clock is changed:
    ///
    /// ```no_run
    /// use portable_timerfd::{is_clock_change, Clock, TimerFd, TimerSpec};
    /// let clock_changes = TimerFd::new(Clock::Realtime)?;
    /// clock_changes.set(&TimerSpec::disarmed().cancel_on_set())?;
    /// match clock_changes.wait(None) {
    ///     Err(e) if is_clock_change(&e) => println!("the wall clock was set"),
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn cancel_on_set(self) -> TimerSpec {
        TimerSpec { cancel_on_set: true, ..self }
    }

    /// Returns the initial expiration.
    ///
    /// In a setting that [`get`](crate::Timer::get) returned, this is the remaining time until the
    /// next expiration.
    #[must_use]
    pub const fn initial(&self) -> Initial {
        self.initial
    }

    /// Returns the time between two expirations, or zero for a one-shot timer.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns whether the setting arms the timer.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        !matches!(self.initial, Initial::Disarmed)
    }

    /// Returns whether a change of the wall clock cancels this setting.
    ///
    /// This is `true` if [`cancel_on_set`](TimerSpec::cancel_on_set) was called and has an effect
    /// with this initial expiration. A disarmed setting is canceled only if the timer counts on a
    /// wall clock.
    #[must_use]
    pub const fn is_canceled_by_clock_change(&self) -> bool {
        let is_possible = match self.initial {
            Initial::Disarmed => true,
            Initial::After(_) => false,
            Initial::At(time) => matches!(time.clock(), Clock::Realtime),
        };
        self.cancel_on_set && is_possible
    }

    /// Checks that a timer that counts on `clock` accepts this setting.
    ///
    /// Every timer of this crate makes this check before it is set. In a [`Timer`](crate::Timer) of
    /// your own, call it first in `replace`, and in `set` if you implement `set`.
    ///
    /// # Errors
    ///
    /// [`ClockMismatch`], as an error of the kind [`InvalidInput`](io::ErrorKind::InvalidInput), if
    /// the initial expiration is a time of another clock. An alarm clock accepts the times of the
    /// clock that it is named after.
    #[inline]
    pub fn check_clock(&self, clock: Clock) -> io::Result<()> {
        match self.initial {
            Initial::At(time) if time.clock() != clock.without_alarm() => {
                Err(ClockMismatch::new(clock, time.clock()).into())
            }
            _ => Ok(()),
        }
    }
}
