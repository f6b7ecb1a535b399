//! The face of the [`timerfd`](https://docs.rs/timerfd/1.6) crate, version 1: its types and names, on every Unix.
//!
//! ```
//! // use timerfd::{SetTimeFlags, TimerFd, TimerState};
//! use portable_timerfd::compat::timerfd::{SetTimeFlags, TimerFd, TimerState};
//! use std::time::Duration;
//!
//! let mut timer = TimerFd::new()?;
//! timer.set_state(TimerState::Oneshot(Duration::from_millis(5)), SetTimeFlags::Default)?;
//! assert_eq!(timer.read()?, 1);
//! assert_eq!(timer.get_state()?, TimerState::Disarmed);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What differs
//!
//! - `set_state`, `get_state` and `read` give an [`io::Result`] where that crate panics. So code that leaves what they give aside compiles as it
//!   is, with a warning at each such place; code that uses it needs a `?`.
//! - A `Oneshot`, or the `current` of a `Periodic`, of zero is *now*, and not off: so a computed time that has gone by expires.
//! - A timer can't be made of a descriptor, nor become one: of the emulation, the descriptor is but a part.
//! - The timers are those of [`crate::TimerFd`], into which and from which these convert; so they are had on each backend, and whatever holds for
//!   those holds for these.
//!
//! As there, [`TimerFd::new`] makes a timer that blocks, and whose descriptor is inherited by programs that are executed.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::clock::Clock;
use crate::spec::{Initial, TimerSpec};
use crate::timer::Timer;

/// A clock, by the number that it has on Linux.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum ClockId {
    /// The wall clock: [`Clock::Realtime`].
    Realtime = 0,
    /// The same, and wakes a suspended machine: [`Clock::RealtimeAlarm`].
    RealtimeAlarm = 8,
    /// Never stepped, and still while the machine is suspended: [`Clock::Monotonic`].
    Monotonic = 1,
    /// Counts the time in suspend too: [`Clock::Boottime`].
    Boottime = 7,
    /// The same, and wakes a suspended machine: [`Clock::BoottimeAlarm`].
    BoottimeAlarm = 9,
}

impl From<ClockId> for Clock {
    fn from(clock: ClockId) -> Clock {
        match clock {
            ClockId::Realtime => Clock::Realtime,
            ClockId::RealtimeAlarm => Clock::RealtimeAlarm,
            ClockId::Monotonic => Clock::Monotonic,
            ClockId::Boottime => Clock::Boottime,
            ClockId::BoottimeAlarm => Clock::BoottimeAlarm,
        }
    }
}

/// The name that C has for it.
impl fmt::Display for ClockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClockId::Realtime => "CLOCK_REALTIME",
            ClockId::RealtimeAlarm => "CLOCK_REALTIME_ALARM",
            ClockId::Monotonic => "CLOCK_MONOTONIC",
            ClockId::Boottime => "CLOCK_BOOTTIME",
            ClockId::BoottimeAlarm => "CLOCK_BOOTTIME_ALARM",
        })
    }
}

/// The number, and the name.
impl fmt::Debug for ClockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", *self as isize)
    }
}

/// How the times of a [`TimerState`] are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum SetTimeFlags {
    /// The first expiration is so long from now.
    Default,
    /// The first expiration is a time of the timer's clock.
    Abstime,
    /// The same, and a step of the wall clock makes the next read fail with `ECANCELED`: see [`TimerSpec::cancel_on_set`].
    TimerCancelOnSet,
}

/// A timer's setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum TimerState {
    /// Off.
    Disarmed,
    /// Expires once.
    Oneshot(Duration),
    /// Expires at first after, or at, `current`, then after each `interval`.
    Periodic {
        /// The first expiration.
        current: Duration,
        /// The time from each expiration to the next; zero makes it expire once.
        interval: Duration,
    },
}

impl TimerState {
    fn to_spec(self, flags: SetTimeFlags) -> TimerSpec {
        let initial = |time| if flags == SetTimeFlags::Default { Initial::After(time) } else { Initial::At(time) };
        let spec = match self {
            TimerState::Disarmed => TimerSpec::disarmed(),
            TimerState::Oneshot(time) => TimerSpec::new(initial(time), Duration::ZERO),
            TimerState::Periodic { current, interval } => TimerSpec::new(initial(current), interval),
        };
        if flags == SetTimeFlags::TimerCancelOnSet {
            spec.cancel_on_set()
        } else {
            spec
        }
    }

    fn from_spec(spec: TimerSpec) -> TimerState {
        match spec.initial() {
            Initial::Disarmed => TimerState::Disarmed,
            Initial::After(left) | Initial::At(left) if spec.interval().is_zero() => TimerState::Oneshot(left),
            Initial::After(current) | Initial::At(current) => {
                TimerState::Periodic { current, interval: spec.interval() }
            }
        }
    }
}

/// A timer with the methods of that crate: see [the module](self).
#[derive(Debug)]
pub struct TimerFd(crate::TimerFd);

impl TimerFd {
    /// A disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`](crate::Backend::open). [`Unsupported`](io::ErrorKind::Unsupported) if no backend has this clock here.
    pub fn new_custom(clock: ClockId, nonblocking: bool, cloexec: bool) -> io::Result<TimerFd> {
        let builder = crate::TimerFd::builder(clock.into()).nonblocking(nonblocking).close_on_exec(cloexec);
        builder.open().map(TimerFd)
    }

    /// A disarmed timer of the monotonic clock, which blocks and is inherited.
    ///
    /// # Errors
    ///
    /// Those of [`new_custom`](TimerFd::new_custom).
    pub fn new() -> io::Result<TimerFd> {
        TimerFd::new_custom(ClockId::Monotonic, false, false)
    }

    /// Sets the timer, and gives what was left of the old setting.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::settime`].
    pub fn set_state(&mut self, state: TimerState, flags: SetTimeFlags) -> io::Result<TimerState> {
        self.0.settime(&state.to_spec(flags)).map(TimerState::from_spec)
    }

    /// The time left until the next expiration, and the interval.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::gettime`].
    pub fn get_state(&self) -> io::Result<TimerState> {
        self.0.gettime().map(TimerState::from_spec)
    }

    /// The number of expirations since the last read: zero if there is none and the timer does not block. It waits on through signals.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::read`] but `EAGAIN` and `EINTR`: so `ECANCELED`, for which that crate panics.
    pub fn read(&self) -> io::Result<u64> {
        loop {
            match self.0.read() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// A timer of any backend, with any flags.
impl From<crate::TimerFd> for TimerFd {
    fn from(timer: crate::TimerFd) -> TimerFd {
        TimerFd(timer)
    }
}

/// For what this face has no words for, and for [loops](crate::loops).
impl From<TimerFd> for crate::TimerFd {
    fn from(timer: TimerFd) -> crate::TimerFd {
        timer.0
    }
}

impl AsFd for TimerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
