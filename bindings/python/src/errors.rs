//! Conversion of errors to Python exceptions.

use descriptors::environment::is_set_user_id;
use descriptors::thread;
use libc::c_int;
use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::io;
use timers::bindings::RawTimer;

const THREAD_VARIABLE: &str = "PORTABLE_TIMERFD_THREAD";

fn errno(error: &io::Error) -> c_int {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}

/// Converts an error to `OSError`, or its subclass for the errno, with the text of `os.strerror`.
pub(crate) fn os_error(py: Python<'_>, error: &io::Error) -> PyErr {
    os_error_with(py, error, "")
}

fn os_error_with(py: Python<'_>, error: &io::Error, details: &str) -> PyErr {
    let errno = errno(error);
    let words = py.import("os").and_then(|os| os.call_method1("strerror", (errno,)));
    match words {
        Ok(words) => PyOSError::new_err((errno, format!("{words}{details}"))),
        Err(error) => error,
    }
}

/// Like `os_error`, and names the environment variable with the thread's options, if it is set.
fn options_error(py: Python<'_>, error: &io::Error) -> PyErr {
    match thread_variable(py) {
        Ok(Some(value)) => os_error_with(py, error, &format!(": {THREAD_VARIABLE}={value}")),
        _ => os_error(py, error),
    }
}

/// Returns the representation of the variable's value, if it is set and not ignored.
fn thread_variable(py: Python<'_>) -> PyResult<Option<String>> {
    let value = py.import("os")?.getattr("environ")?.call_method1("get", (THREAD_VARIABLE,))?;
    if value.is_none() || is_set_user_id() {
        return Ok(None);
    }
    Ok(Some(value.repr()?.to_string()))
}

/// Converts an error of a call that creates a timer.
///
/// If the arguments are valid, only malformed options of the timer thread cause `EINVAL`.
pub(crate) fn creation_error(py: Python<'_>, error: &io::Error, has_valid_arguments: bool) -> PyErr {
    if has_valid_arguments && errno(error) == libc::EINVAL {
        options_error(py, error)
    } else {
        os_error(py, error)
    }
}

/// Converts an error of a call that sets an emulated timer, and so starts the timer thread.
pub(crate) fn thread_error(py: Python<'_>, error: &io::Error) -> PyErr {
    // A setting can be invalid too. If the options are the cause, starting the thread fails again.
    let has_options = matches!(thread_variable(py), Ok(Some(_)));
    if has_options && thread::start().is_err_and(|again| errno(&again) == errno(error)) {
        options_error(py, error)
    } else {
        os_error(py, error)
    }
}

/// Converts an error of a call that sets the timer of a descriptor.
pub(crate) fn settime_error(py: Python<'_>, error: &io::Error, fd: c_int) -> PyErr {
    if matches!(errno(error), libc::EINVAL | libc::EPERM) && RawTimer::find(fd).is_ok() {
        thread_error(py, error)
    } else {
        os_error(py, error)
    }
}

/// Raises `TypeError` if there are more positional arguments than one, with the words of `os`.
pub(crate) fn only_one(function: &str, rest: &Bound<'_, PyTuple>) -> PyResult<()> {
    if rest.is_empty() {
        return Ok(());
    }
    let given = rest.len() + 1;
    Err(PyTypeError::new_err(format!("{function}() takes exactly 1 positional argument ({given} given)")))
}
