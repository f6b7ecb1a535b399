//! The errors of this crate for which std has no name.

use std::error::Error;
use std::fmt;
use std::io;

use crate::backends::sys::error::ECANCELED;
use crate::clock::Clock;

/// Returns whether an error reports a change of the wall clock (`ECANCELED`).
///
/// [`read`](crate::Timer::read), [`try_read`](crate::Timer::try_read),
/// [`wait`](crate::Timer::wait), [`set`](crate::Timer::set) and [`replace`](crate::Timer::replace)
/// return this error for a timer with [`cancel_on_set`](crate::TimerSpec::cancel_on_set). If `set`
/// or `replace` returns this error, **the new setting is in force**. So an alarm treats the error
/// as success:
///
/// ```
/// use portable_timerfd::{is_clock_change, Clock, ClockTime, TimerFd, TimerSpec};
/// use std::{io, time::Duration};
///
/// /// Sets an alarm that also becomes readable if the wall clock is changed.
/// fn set_alarm(timer: &TimerFd, time: ClockTime) -> io::Result<()> {
///     match timer.set(&TimerSpec::at(time).cancel_on_set()) {
///         // The clock was changed before this call. The alarm is set.
///         Err(e) if is_clock_change(&e) => Ok(()),
///         result => result,
///     }
/// }
///
/// /// Waits until the alarm expires, however the wall clock is changed meanwhile.
/// fn wait_for_alarm(timer: &TimerFd, time: ClockTime) -> io::Result<()> {
///     set_alarm(timer, time)?;
///     loop {
///         match timer.wait(None) {
///             Err(e) if is_clock_change(&e) => set_alarm(timer, time)?,
///             result => return result.map(drop),
///         }
///     }
/// }
///
/// let time = Clock::Realtime.now()? + Duration::from_millis(5);
/// wait_for_alarm(&TimerFd::new(Clock::Realtime)?, time)?;
/// assert!(Clock::Realtime.now()? >= time);
/// # Ok::<(), io::Error>(())
/// ```
#[must_use]
pub fn is_clock_change(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ECANCELED)
}

/// The error of setting a timer to an absolute time of another clock.
///
/// The methods return it inside an [`io::Error`] of the kind
/// [`InvalidInput`](io::ErrorKind::InvalidInput). The [`raw_os_error`](io::Error::raw_os_error) of
/// that error is `None`, because the system has no such error.
///
/// ```
/// use portable_timerfd::{Clock, ClockMismatch, TimerFd};
///
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// let error = timer.arm_at(Clock::Realtime.now()?).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
/// let mismatch = error.get_ref().and_then(|e| e.downcast_ref::<ClockMismatch>()).expect("this error");
/// assert_eq!((mismatch.timer(), mismatch.time()), (Clock::Monotonic, Clock::Realtime));
/// assert_eq!(error.to_string(), "the timer counts on Monotonic, but the time is of Realtime");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockMismatch {
    timer: Clock,
    time: Clock,
}

impl ClockMismatch {
    pub(crate) fn new(timer: Clock, time: Clock) -> ClockMismatch {
        ClockMismatch { timer, time }
    }

    /// Returns the clock that the timer counts on.
    #[must_use]
    pub fn timer(&self) -> Clock {
        self.timer
    }

    /// Returns the clock of the time.
    #[must_use]
    pub fn time(&self) -> Clock {
        self.time
    }
}

impl fmt::Display for ClockMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the timer counts on {:?}, but the time is of {:?}", self.timer, self.time)
    }
}

impl Error for ClockMismatch {}

impl From<ClockMismatch> for io::Error {
    fn from(mismatch: ClockMismatch) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, mismatch)
    }
}
