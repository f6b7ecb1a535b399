//! `portable_timerfd._timerfd`: Python's `os.timerfd_*` functions on timers of either backend.
//!
//! Arguments, results and errors are those of CPython 3.13 on Linux. README.md lists the
//! differences.
#![deny(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod arguments;
mod calls;
mod choice;
mod errors;
mod interpreter;
mod read;
mod simulated;
mod simulated_fds;
mod timer_set;
mod times;

use pyo3::prelude::*;

#[pymodule]
mod _timerfd {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::interpreter::check(module.py())
    }

    #[pymodule_export]
    use crate::calls::{timerfd_create, timerfd_gettime, timerfd_gettime_ns, timerfd_settime, timerfd_settime_ns};
    #[pymodule_export]
    use crate::choice::{create, get_backend, set_backend};
    #[pymodule_export]
    use crate::read::try_read;
    #[pymodule_export]
    use crate::simulated::Machine;
    #[pymodule_export]
    use crate::timer_set::{Entries, Key};

    #[pymodule_export]
    #[allow(non_upper_case_globals)] // Python's name for it
    const __version__: &str = env!("CARGO_PKG_VERSION");
    #[pymodule_export]
    const TFD_CLOEXEC: i32 = libc::O_CLOEXEC;
    #[pymodule_export]
    const TFD_NONBLOCK: i32 = libc::O_NONBLOCK;
    #[pymodule_export]
    const TFD_TIMER_ABSTIME: i32 = 1;
    #[pymodule_export]
    const TFD_TIMER_CANCEL_ON_SET: i32 = 2;
}
