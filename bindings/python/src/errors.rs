//! Conversion of errors to Python exceptions.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use std::io;

/// Converts an error to `OSError`, or its subclass for the errno, with the text of `os.strerror`.
pub(crate) fn os_error(py: Python<'_>, error: &io::Error) -> PyErr {
    let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    let words = py.import("os").and_then(|os| os.call_method1("strerror", (errno,)));
    match words {
        Ok(words) => PyOSError::new_err((errno, words.unbind())),
        Err(error) => error,
    }
}
