//! The backend that creates the timers, as the program or the environment chooses it.

use crate::arguments::{int, Given};
use crate::errors::{creation_error, only_one};
use descriptors::environment::is_set_user_id;
use descriptors::{owned, Backend};
use libc::c_int;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::sync::atomic::{AtomicU8, Ordering};

const VARIABLE: &str = "PORTABLE_TIMERFD_BACKEND";

/// The program's choice, as an index into `CHOICES`. The first means no choice.
static CHOSEN: AtomicU8 = AtomicU8::new(0);
const CHOICES: [Backend; 3] = [Backend::Best, Backend::Kernel, Backend::Userspace];

/// Returns the backend with this name. `what` is the source of the name, for the error message.
fn named(what: &str, name: &str) -> PyResult<Backend> {
    let no_such = || PyValueError::new_err(format!("{what} is neither 'kernel' nor 'userspace': '{name}'"));
    Backend::named(name.as_bytes()).ok_or_else(no_such)
}

/// Returns the backend with this name, or `None` if the name is `None`.
fn backend_of(backend: &Bound<'_, PyAny>) -> PyResult<Option<Backend>> {
    if backend.is_none() {
        return Ok(None);
    }
    let Ok(name) = backend.cast::<PyString>() else {
        let given = backend.get_type().name()?;
        return Err(PyTypeError::new_err(format!("backend must be 'kernel', 'userspace' or None, not {given}")));
    };
    named("backend", &name.to_string_lossy()).map(Some)
}

/// Returns the backend with this name. If the name is `None`, returns the requested backend.
pub(crate) fn chosen(backend: &Bound<'_, PyAny>) -> PyResult<Backend> {
    backend_of(backend)?.map_or_else(|| requested(backend.py()), Ok)
}

/// Returns the backend that the program or the environment requested.
fn requested(py: Python<'_>) -> PyResult<Backend> {
    let chosen = CHOICES[usize::from(CHOSEN.load(Ordering::Relaxed))];
    if chosen != Backend::Best {
        return Ok(chosen);
    }
    if is_set_user_id() {
        return Ok(Backend::Best);
    }
    let environ = py.import("os")?.getattr("environ")?;
    let value: Option<String> = environ.call_method1("get", (VARIABLE,))?.extract()?;
    value.map_or(Ok(Backend::Best), |name| named(VARIABLE, &name))
}

/// Like `timerfd_create`, with this backend, or with the requested one if it is `None`.
#[pyfunction]
#[pyo3(signature = (backend, clockid, flags, /))]
pub(crate) fn create(
    py: Python<'_>,
    backend: &Bound<'_, PyAny>,
    clockid: &Bound<'_, PyAny>,
    flags: Given<'_>,
) -> PyResult<c_int> {
    let (clockid, flags) = (int(clockid)?, flags.by(int)?);
    let backend = chosen(backend)?;
    // PEP 446: no descriptor is inherited, unless the program calls `os.set_inheritable`.
    let flags = flags | libc::O_CLOEXEC;
    let is_valid = owned::clock(clockid).is_ok() && flags & !(libc::O_CLOEXEC | libc::O_NONBLOCK) == 0;
    py.detach(|| descriptors::create(backend, clockid, flags)).map_err(|error| creation_error(py, &error, is_valid))
}

/// Chooses the backend that creates timers from now on: "kernel", "userspace" or None.
///
/// None means the backend that PORTABLE_TIMERFD_BACKEND names. If the variable is not set, it means
/// the kernel's timers if it has them, otherwise those of the userspace backend. Existing timers do
/// not change. Neither do functions that os already has, which install() replaces.
///
/// Raises ValueError for any other name. It then changes nothing.
#[pyfunction]
#[pyo3(signature = (backend, /, *rest), text_signature = "(backend, /)")]
pub(crate) fn set_backend(backend: &Bound<'_, PyAny>, rest: &Bound<'_, PyTuple>) -> PyResult<()> {
    only_one("set_backend", rest)?;
    let backend = backend_of(backend)?.unwrap_or(Backend::Best);
    let chosen = CHOICES.iter().position(|&choice| choice == backend).unwrap_or_default();
    CHOSEN.store(chosen as u8, Ordering::Relaxed);
    Ok(())
}

/// Returns the name of the chosen backend, or None.
///
/// set_backend() or PORTABLE_TIMERFD_BACKEND chooses it.
///
/// Raises ValueError if the environment names a backend that does not exist.
#[pyfunction]
pub(crate) fn get_backend(py: Python<'_>) -> PyResult<Option<&'static str>> {
    Ok(requested(py)?.name())
}
