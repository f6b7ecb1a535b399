//! Limits the module to one interpreter of the process.
//!
//! PyO3 keeps type objects in static variables. An object of one interpreter must not be used in
//! another one, or after its interpreter has ended.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The address of the `sys` dictionary of the first interpreter. Each interpreter has its own.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// Raises `ImportError` if another interpreter has imported the module before.
pub(crate) fn check(py: Python<'_>) -> PyResult<()> {
    let own = py.import("sys")?.dict().as_ptr() as usize;
    match FIRST.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != own => {
            Err(PyImportError::new_err("only one interpreter of a process can import portable_timerfd"))
        }
        _ => Ok(()),
    }
}
