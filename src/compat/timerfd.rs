//! Compatibility layer for the [`timerfd`](https://docs.rs/timerfd/1.6) crate, version 1.
//!
//! This module has that crate's types and names, on every Unix.
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
//! # Differences
//!
//! - `set_state`, `get_state` and `read` return an [`io::Result`], where the `timerfd` crate
//!   panics. Code that ignores their results compiles unchanged, with a warning at each such call.
//!   Code that uses a result needs a `?`.
//! - A zero `Oneshot`, or a zero `current` of a `Periodic`, means *now*, not disarmed. So a
//!   computed time that is already in the past expires.
//! - A timer cannot be converted from or into a descriptor, because a timer of the userspace
//!   backend is more than its descriptor.
//! - A timer converts into and from [`crate::TimerFd`]. So the timers exist on every backend, and
//!   behave as documented for that type.
//!
//! As in the `timerfd` crate, [`TimerFd::new`] creates a timer whose reads block and whose
//! descriptor is inherited by executed programs.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::spec::{Initial, TimerSpec};

/// A clock, with the number that it has on Linux.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum ClockId {
    /// The wall clock: [`Clock::Realtime`].
    Realtime = 0,
    /// The wall clock, for timers that wake a suspended system: [`Clock::RealtimeAlarm`].
    RealtimeAlarm = 8,
    /// The clock that is never changed, and that stops while the system is suspended:
    /// [`Clock::Monotonic`].
    Monotonic = 1,
    /// The clock that includes the time in suspend: [`Clock::Boottime`].
    Boottime = 7,
    /// The clock that includes the time in suspend, and wakes a suspended system:
    /// [`Clock::BoottimeAlarm`].
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

/// Writes the clock's name in C.
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

/// Writes the number and the name.
impl fmt::Debug for ClockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", *self as isize)
    }
}

/// The meaning of the times in a [`TimerState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum SetTimeFlags {
    /// The first expiration is relative to now.
    Default,
    /// The first expiration is a time of the timer's clock.
    Abstime,
    /// Like `Abstime`, and a change of the wall clock cancels the setting.
    ///
    /// The next read after the change fails with `ECANCELED`: see [`TimerSpec::cancel_on_set`].
    TimerCancelOnSet,
}

/// A timer setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum TimerState {
    /// Disarmed.
    Disarmed,
    /// Expires once.
    Oneshot(Duration),
    /// Expires first after, or at, `current`, then after each `interval`.
    Periodic {
        /// The first expiration.
        current: Duration,
        /// The time between two expirations. If it is zero, the timer expires once.
        interval: Duration,
    },
}

impl TimerState {
    fn to_spec(self, clock: Clock, flags: SetTimeFlags) -> TimerSpec {
        let initial = |time| match flags {
            SetTimeFlags::Default => Initial::After(time),
            _ => Initial::At(ClockTime::new(clock, time)),
        };
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
        let current = match spec.initial() {
            Initial::Disarmed => return TimerState::Disarmed,
            Initial::After(left) => left,
            Initial::At(time) => time.since_zero(),
        };
        match spec.interval() {
            Duration::ZERO => TimerState::Oneshot(current),
            interval => TimerState::Periodic { current, interval },
        }
    }
}

/// A timer with the methods of the `timerfd` crate: see [the module](self).
#[derive(Debug)]
pub struct TimerFd(crate::TimerFd);

impl TimerFd {
    /// Creates a disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`TimerFdBuilder::open`](crate::TimerFdBuilder::open).
    pub fn new_custom(clock: ClockId, nonblocking: bool, cloexec: bool) -> io::Result<TimerFd> {
        let builder = crate::TimerFd::builder(clock.into()).nonblocking(nonblocking).close_on_exec(cloexec);
        builder.open().map(TimerFd)
    }

    /// Creates a disarmed timer of the monotonic clock.
    ///
    /// Its reads block, and executed programs inherit its descriptor.
    ///
    /// # Errors
    ///
    /// Those of [`new_custom`](TimerFd::new_custom).
    pub fn new() -> io::Result<TimerFd> {
        TimerFd::new_custom(ClockId::Monotonic, false, false)
    }

    /// Sets the timer, and returns the previous setting with the remaining time.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::replace`](crate::Timer::replace).
    pub fn set_state(&mut self, state: TimerState, flags: SetTimeFlags) -> io::Result<TimerState> {
        self.0.replace(&state.to_spec(self.0.clock(), flags)).map(TimerState::from_spec)
    }

    /// Returns the remaining time until the next expiration, and the interval.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::get`](crate::Timer::get).
    pub fn get_state(&self) -> io::Result<TimerState> {
        self.0.get().map(TimerState::from_spec)
    }

    /// Returns the number of expirations since the last read.
    ///
    /// If the timer has not expired and the descriptor is non-blocking, returns zero. Signals do
    /// not end a blocking read.
    ///
    /// # Errors
    ///
    /// Those of [`Timer::read`](crate::Timer::read), except `EAGAIN` and `EINTR`. `ECANCELED` is
    /// one of them. The `timerfd` crate panics in that case.
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

/// Converts a timer of this crate's own API, of any backend and with any flags.
impl From<crate::TimerFd> for TimerFd {
    fn from(timer: crate::TimerFd) -> TimerFd {
        TimerFd(timer)
    }
}

/// Converts a [`compat::timerfd::TimerFd`](TimerFd) into the timer of this crate's own API, for
/// [loops](crate::loops) and for methods that the compatibility layer lacks.
impl From<TimerFd> for crate::TimerFd {
    fn from(timer: TimerFd) -> crate::TimerFd {
        timer.0
    }
}

/// Borrows the timer of this crate's own API.
impl AsRef<crate::TimerFd> for TimerFd {
    fn as_ref(&self) -> &crate::TimerFd {
        &self.0
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
