//! The five functions of timerfd.

use crate::arguments::{descriptor, double, int, nanoseconds, Given};
use crate::choice::create;
use crate::errors::{only_one, os_error, settime_error};
use crate::{simulated_fds, times};
use descriptors::Itimerspec;
use libc::c_int;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Creates a timer and returns its file descriptor, which is not inherited by executed programs.
///
///   clockid
///     time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, or time.CLOCK_BOOTTIME, which works on Linux,
///     Android and OpenBSD.
///   flags
///     0, or TFD_NONBLOCK: a read then raises BlockingIOError instead of waiting. TFD_CLOEXEC is
///     always set.
///
/// os.read(fd, 8) returns the number of expirations since the last read or setting, in the byte
/// order of the machine. The descriptor is readable if there are any. os.close(fd) ends the timer.
///
/// Raises OSError: EINVAL for another clock or other flags, EMFILE or ENFILE if there are too many
/// descriptors, ENOSYS if the kernel backend is chosen and the kernel has no timers. Raises
/// ValueError if PORTABLE_TIMERFD_BACKEND names no backend.
#[pyfunction]
#[pyo3(signature = (clockid, /, *rest, flags=Given::default()), text_signature = "(clockid, /, *, flags=0)")]
pub(crate) fn timerfd_create(
    py: Python<'_>,
    clockid: &Bound<'_, PyAny>,
    rest: &Bound<'_, PyTuple>,
    flags: Given<'_>,
) -> PyResult<c_int> {
    only_one("timerfd_create", rest)?;
    create(py, py.None().bind(py), clockid, flags)
}

/// Sets the timer of a file descriptor, in seconds, and returns its old setting.
///
/// The old setting has the form that timerfd_gettime returns.
///
///   fd
///     The descriptor of a timer.
///   flags
///     0, or a bit mask of these. TFD_TIMER_ABSTIME: initial is a time of the timer's clock.
///     TFD_TIMER_CANCEL_ON_SET: a step of the wall clock cancels the timer, if it uses the wall
///     clock and an absolute time.
///   initial
///     The time of the first expiration. 0 disarms the timer. A time greater than 0 and less than one
///     nanosecond counts as one nanosecond (in os it disarms the timer).
///   interval
///     The time between later expirations. 0 for a timer that expires once.
///
/// Raises OSError: EINVAL for times less than 0, other flags, or a file that is not a timer; EBADF
/// if there is no such descriptor; ECANCELED if the clock was stepped since the last setting under
/// TFD_TIMER_CANCEL_ON_SET and no read has reported it. ECANCELED still sets the timer. Raises
/// OverflowError for times of 2**63 nanoseconds or more (about 292 years), infinity and NaN.
#[pyfunction]
#[pyo3(
    signature = (fd, /, *rest, flags=Given::default(), initial=Given::default(), interval=Given::default()),
    text_signature = "(fd, /, *, flags=0, initial=0.0, interval=0.0)"
)]
pub(crate) fn timerfd_settime(
    fd: &Bound<'_, PyAny>,
    rest: &Bound<'_, PyTuple>,
    flags: Given<'_>,
    initial: Given<'_>,
    interval: Given<'_>,
) -> PyResult<(f64, f64)> {
    only_one("timerfd_settime", rest)?;
    let (number, flags) = (descriptor(fd)?, flags.by(int)?);
    let (initial, interval) = (initial.by(double)?, interval.by(double)?);
    let old = settime(fd.py(), number, flags, &times::of_seconds(initial, interval)?)?;
    Ok(times::seconds(&old))
}

/// Sets the timer of a file descriptor, in nanoseconds, and returns its old setting.
///
/// The old setting has the form that timerfd_gettime_ns returns.
///
/// Arguments and errors are those of timerfd_settime, except that times are integers. Times less
/// than -2**63 also raise OverflowError.
#[pyfunction]
#[pyo3(
    signature = (fd, /, *rest, flags=Given::default(), initial=Given::default(), interval=Given::default()),
    text_signature = "(fd, /, *, flags=0, initial=0, interval=0)"
)]
pub(crate) fn timerfd_settime_ns(
    fd: &Bound<'_, PyAny>,
    rest: &Bound<'_, PyTuple>,
    flags: Given<'_>,
    initial: Given<'_>,
    interval: Given<'_>,
) -> PyResult<(i64, i64)> {
    only_one("timerfd_settime_ns", rest)?;
    let (number, flags) = (descriptor(fd)?, flags.by(int)?);
    let (initial, interval) = (initial.by(nanoseconds)?, interval.by(nanoseconds)?);
    times::nanoseconds(&settime(fd.py(), number, flags, &times::of_nanoseconds(initial, interval)?)?)
}

fn settime(py: Python<'_>, fd: c_int, flags: c_int, new: &Itimerspec) -> PyResult<Itimerspec> {
    let set = || match simulated_fds::find(fd) {
        Some(timer) => simulated_fds::settime(&timer, flags, new),
        None => descriptors::settime(fd, flags, new),
    };
    py.detach(set).map_err(|error| settime_error(py, &error, fd))
}

/// Returns the remaining time and the interval of a file descriptor's timer, in seconds.
///
/// The remaining time is that until the next expiration. It is 0.0 if the timer is disarmed, or has
/// expired and is not periodic.
///
///   fd
///     The descriptor of a timer.
///
/// Raises OSError: EINVAL for a file that is not a timer, EBADF if there is no such descriptor.
#[pyfunction]
#[pyo3(signature = (fd, /, *rest), text_signature = "(fd, /)")]
pub(crate) fn timerfd_gettime(fd: &Bound<'_, PyAny>, rest: &Bound<'_, PyTuple>) -> PyResult<(f64, f64)> {
    only_one("timerfd_gettime", rest)?;
    Ok(times::seconds(&gettime(fd)?))
}

/// Like timerfd_gettime, in nanoseconds.
///
///   fd
///     The descriptor of a timer.
///
/// Raises the same errors.
#[pyfunction]
#[pyo3(signature = (fd, /, *rest), text_signature = "(fd, /)")]
pub(crate) fn timerfd_gettime_ns(fd: &Bound<'_, PyAny>, rest: &Bound<'_, PyTuple>) -> PyResult<(i64, i64)> {
    only_one("timerfd_gettime_ns", rest)?;
    times::nanoseconds(&gettime(fd)?)
}

fn gettime(fd: &Bound<'_, PyAny>) -> PyResult<Itimerspec> {
    let number = descriptor(fd)?;
    let get = || match simulated_fds::find(number) {
        Some(timer) => simulated_fds::gettime(&timer),
        None => descriptors::gettime(number),
    };
    fd.py().detach(get).map_err(|error| os_error(fd.py(), &error))
}
