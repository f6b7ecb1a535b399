//! The five functions.

use crate::arguments::{descriptor, double, int, nanoseconds, Given};
use crate::choice::create;
use crate::errors::os_error;
use crate::times;
use descriptors::Itimerspec;
use libc::c_int;
use pyo3::prelude::*;

/// Creates a timer and returns its file descriptor, which is not inherited by what the process executes.
///
///   clockid
///     time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, or time.CLOCK_BOOTTIME where there is one.
///   flags
///     0 or TFD_NONBLOCK: reading does not wait then, but raises BlockingIOError. TFD_CLOEXEC is always set.
///
/// os.read(fd, 8) gives the number of expirations since the last read or setting, in the byte order of the machine; the descriptor is
/// readable when there are any. os.close(fd) ends the timer.
///
/// Raises OSError: EINVAL for another clock or other flags, EMFILE or ENFILE if there are too many descriptors, ENOSYS if the kernel's
/// timers are asked for and it has none. Raises ValueError if PORTABLE_TIMERFD_BACKEND names no backend.
#[pyfunction]
#[pyo3(signature = (clockid, /, *, flags=Given::default()), text_signature = "(clockid, /, *, flags=0)")]
pub(crate) fn timerfd_create(py: Python<'_>, clockid: &Bound<'_, PyAny>, flags: Given<'_>) -> PyResult<c_int> {
    create(py, None, clockid, flags)
}

/// Sets the timer of a file descriptor, in seconds. Returns what was left of the old setting, as timerfd_gettime does.
///
///   fd
///     The descriptor of a timer.
///   flags
///     0 or a bit mask of TFD_TIMER_ABSTIME, by which initial is a time of the timer's clock, and TFD_TIMER_CANCEL_ON_SET, by which a step of
///     the wall clock cancels a timer of that clock that is set to such a time.
///   initial
///     When it expires first. 0 disarms it. What is less than a nanosecond, and more than nothing, is one (with os it disarms).
///   interval
///     After how long it expires again and again. 0 for a timer that expires once.
///
/// Raises OSError: EINVAL for times less than 0, other flags, or another file than a timer; EBADF if there is no such descriptor;
/// ECANCELED, the timer being set, if the clock stepped since the last setting under TFD_TIMER_CANCEL_ON_SET and no read has told it.
/// Raises OverflowError for times of 2**63 nanoseconds or more (some 292 years), infinite ones and NaN.
#[pyfunction]
#[pyo3(
    signature = (fd, /, *, flags=Given::default(), initial=Given::default(), interval=Given::default()),
    text_signature = "(fd, /, *, flags=0, initial=0.0, interval=0.0)"
)]
pub(crate) fn timerfd_settime(
    fd: &Bound<'_, PyAny>,
    flags: Given<'_>,
    initial: Given<'_>,
    interval: Given<'_>,
) -> PyResult<(f64, f64)> {
    let (number, flags) = (descriptor(fd)?, flags.by(int)?);
    let (initial, interval) = (initial.by(double)?, interval.by(double)?);
    let old = settime(fd.py(), number, flags, &times::of_seconds(initial, interval)?)?;
    Ok(times::seconds(&old))
}

/// Sets the timer of a file descriptor, in nanoseconds. Returns what was left of the old setting, as timerfd_gettime_ns does.
///
/// Arguments and errors are those of timerfd_settime, the times being integers; OverflowError for less than -2**63, too.
#[pyfunction]
#[pyo3(
    signature = (fd, /, *, flags=Given::default(), initial=Given::default(), interval=Given::default()),
    text_signature = "(fd, /, *, flags=0, initial=0, interval=0)"
)]
pub(crate) fn timerfd_settime_ns(
    fd: &Bound<'_, PyAny>,
    flags: Given<'_>,
    initial: Given<'_>,
    interval: Given<'_>,
) -> PyResult<(i64, i64)> {
    let (number, flags) = (descriptor(fd)?, flags.by(int)?);
    let (initial, interval) = (initial.by(nanoseconds)?, interval.by(nanoseconds)?);
    times::nanoseconds(&settime(fd.py(), number, flags, &times::of_nanoseconds(initial, interval)?)?)
}

fn settime(py: Python<'_>, fd: c_int, flags: c_int, new: &Itimerspec) -> PyResult<Itimerspec> {
    py.detach(|| descriptors::settime(fd, flags, new)).map_err(|error| os_error(py, &error))
}

/// Returns what is left of the setting of a file descriptor's timer, in seconds: a tuple of the time until it expires next, 0.0 if it is
/// disarmed or has expired for good, and the interval.
///
///   fd
///     The descriptor of a timer.
///
/// Raises OSError: EINVAL for another file than a timer, EBADF if there is no such descriptor.
#[pyfunction]
#[pyo3(signature = (fd, /))]
pub(crate) fn timerfd_gettime(fd: &Bound<'_, PyAny>) -> PyResult<(f64, f64)> {
    Ok(times::seconds(&gettime(fd)?))
}

/// Returns what timerfd_gettime does, in nanoseconds.
///
///   fd
///     The descriptor of a timer.
///
/// Raises OSError as that does.
#[pyfunction]
#[pyo3(signature = (fd, /))]
pub(crate) fn timerfd_gettime_ns(fd: &Bound<'_, PyAny>) -> PyResult<(i64, i64)> {
    times::nanoseconds(&gettime(fd)?)
}

fn gettime(fd: &Bound<'_, PyAny>) -> PyResult<Itimerspec> {
    let number = descriptor(fd)?;
    fd.py().detach(|| descriptors::gettime(number)).map_err(|error| os_error(fd.py(), &error))
}
