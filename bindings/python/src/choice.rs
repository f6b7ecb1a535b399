//! Which backend makes the timers of this process: what the program says, or else the environment.

use crate::arguments::{int, Given};
use crate::errors::os_error;
use descriptors::Backend;
use libc::c_int;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU8, Ordering};

const VARIABLE: &str = "PORTABLE_TIMERFD_BACKEND";

/// What the program said, as a place in this; the first is nothing.
static CHOSEN: AtomicU8 = AtomicU8::new(0);
const CHOICES: [Backend; 3] = [Backend::Best, Backend::Kernel, Backend::Userspace];

/// The backend of this name; `what` is who named it.
fn named(what: &str, name: &str) -> PyResult<Backend> {
    let no_such = || PyValueError::new_err(format!("{what} is neither 'kernel' nor 'userspace': '{name}'"));
    Backend::named(name.as_bytes()).ok_or_else(no_such)
}

/// The backend that was asked for.
fn asked(py: Python<'_>) -> PyResult<Backend> {
    let chosen = CHOICES[usize::from(CHOSEN.load(Ordering::Relaxed))];
    if chosen != Backend::Best {
        return Ok(chosen);
    }
    let environ = py.import("os")?.getattr("environ")?;
    let said: Option<String> = environ.call_method1("get", (VARIABLE,))?.extract()?;
    said.map_or(Ok(Backend::Best), |name| named(VARIABLE, &name))
}

/// As `timerfd_create`, of this backend; `None` for the one that was asked for.
#[pyfunction]
#[pyo3(signature = (backend, clockid, flags, /))]
pub(crate) fn create(
    py: Python<'_>,
    backend: Option<&str>,
    clockid: &Bound<'_, PyAny>,
    flags: Given<'_>,
) -> PyResult<c_int> {
    let (clockid, flags) = (int(clockid)?, flags.by(int)?);
    let backend = backend.map_or_else(|| asked(py), |name| named("backend", name))?;
    // As PEP 446 has it: no descriptor is inherited unless that is asked for, by `os.set_inheritable`.
    let flags = flags | libc::O_CLOEXEC;
    py.detach(|| descriptors::create(backend, clockid, flags)).map_err(|error| os_error(py, &error))
}

/// Says which backend is to make the timers from now on: "kernel", "userspace", or None for what PORTABLE_TIMERFD_BACKEND says, or else
/// for the kernel's timers where it has them. Timers that were made before stay what they are; so does what os has of its own, which
/// install() replaces.
///
/// Raises ValueError for any other name, and changes nothing then.
#[pyfunction]
#[pyo3(signature = (backend, /))]
pub(crate) fn set_backend(backend: Option<&str>) -> PyResult<()> {
    let backend = backend.map_or(Ok(Backend::Best), |name| named("backend", name))?;
    let chosen = CHOICES.iter().position(|&choice| choice == backend).unwrap_or_default();
    CHOSEN.store(chosen as u8, Ordering::Relaxed);
    Ok(())
}

/// Returns the name of the backend that was asked for, by set_backend() or by PORTABLE_TIMERFD_BACKEND; None if none was.
///
/// Raises ValueError if the environment names one that there is not.
#[pyfunction]
pub(crate) fn get_backend(py: Python<'_>) -> PyResult<Option<&'static str>> {
    Ok(asked(py)?.name())
}
