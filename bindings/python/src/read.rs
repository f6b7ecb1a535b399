//! Reads for the `Timer` class, which report a clock change on both backends.

use crate::arguments::descriptor;
use crate::errors::os_error;
use pyo3::exceptions::PyEOFError;
use pyo3::prelude::*;

/// Returns the number of expirations since the last read or setting.
///
/// Returns None if there is none and the descriptor is in blocking mode. Raises BlockingIOError if
/// there is none in non-blocking mode.
#[pyfunction]
#[pyo3(signature = (fd, /))]
pub(crate) fn try_read(fd: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    let (py, number) = (fd.py(), descriptor(fd)?);
    match py.detach(|| descriptors::try_read(number)) {
        Ok(Some(0)) => Err(PyEOFError::new_err("the process that made the timer is gone")),
        read => read.map_err(|error| os_error(py, &error)),
    }
}
