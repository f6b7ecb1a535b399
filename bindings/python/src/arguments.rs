//! Converts Python objects to numbers by the rules of CPython 3.13, with its messages for errors.

use libc::c_int;
use pyo3::exceptions::{PyOverflowError, PyRuntimeWarning, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};
use std::ffi::CStr;

/// An optional argument. It is converted only after the arguments before it are found valid.
#[derive(Default)]
pub(crate) struct Given<'py>(Option<Bound<'py, PyAny>>);

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Given(Some(object.to_owned())))
    }
}

impl<'py> Given<'py> {
    /// Converts the argument with this rule. A missing argument becomes zero.
    pub(crate) fn by<T: Default>(&self, rule: fn(&Bound<'py, PyAny>) -> PyResult<T>) -> PyResult<T> {
        self.0.as_ref().map_or_else(|| Ok(T::default()), rule)
    }
}

/// Converts an integer, or an object with `__index__`, to 64 bits.
fn integer(object: &Bound<'_, PyAny>, too_large: &'static str) -> PyResult<i64> {
    let py = object.py();
    let number = match object.cast::<PyInt>() {
        Ok(number) => number.clone().into_any(),
        Err(_) => py.import(intern!(py, "operator"))?.call_method1(intern!(py, "index"), (object,))?,
    };
    number.extract().map_err(|_| PyOverflowError::new_err(too_large))
}

const TOO_LARGE_FOR_INT: &str = "Python int too large to convert to C int";

/// Converts an object to C's `int`.
pub(crate) fn int(object: &Bound<'_, PyAny>) -> PyResult<c_int> {
    let number = integer(object, TOO_LARGE_FOR_INT)?;
    number.try_into().map_err(|_| PyOverflowError::new_err(TOO_LARGE_FOR_INT))
}

/// Converts an object to nanoseconds in 64 bits.
pub(crate) fn nanoseconds(object: &Bound<'_, PyAny>) -> PyResult<i64> {
    integer(object, "int too big to convert")
}

/// Converts an object to C's `double`.
pub(crate) fn double(object: &Bound<'_, PyAny>) -> PyResult<f64> {
    object.extract()
}

const BOOL_GIVEN: &CStr = c"bool is used as a file descriptor";

/// Converts an integer, or an object with a `fileno` method, to a descriptor.
pub(crate) fn descriptor(object: &Bound<'_, PyAny>) -> PyResult<c_int> {
    if object.is_instance_of::<PyBool>() {
        PyErr::warn(object.py(), &object.py().get_type::<PyRuntimeWarning>(), BOOL_GIVEN, 1)?;
    }
    let number = match object.cast::<PyInt>() {
        Ok(number) => number.clone(),
        Err(_) => fileno(object)?,
    };
    let fd = int(&number)?;
    if fd < 0 {
        return Err(PyValueError::new_err(format!("file descriptor cannot be a negative integer ({fd})")));
    }
    Ok(fd)
}

fn fileno<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyInt>> {
    let Some(method) = object.getattr_opt(intern!(object.py(), "fileno"))? else {
        return Err(PyTypeError::new_err("argument must be an int, or have a fileno() method."));
    };
    let number = method.call0()?;
    number.cast_into().map_err(|_| PyTypeError::new_err("fileno() returned a non-integer"))
}
