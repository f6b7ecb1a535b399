//! The capabilities of the timers that a backend would create.

use crate::{clock, on_backend, with_errno, Backend};
use libc::c_int;
use std::io;
use timers::backends::{kernel, userspace};
use timers::Capabilities;

/// Returns the backend that would create a timer of this clock, and the timer's capabilities.
///
/// # Errors
///
/// Those of [`create`](crate::create).
pub fn capabilities(backend: Backend, clockid: c_int) -> io::Result<(Backend, Capabilities)> {
    let clock = clock::named(clockid)?;
    let of_kernel = || Ok((Backend::Kernel, kernel::BACKEND.capabilities(clock)?));
    let of_userspace = || {
        // `EINVAL` for a clock that this system lacks.
        let found = userspace::BACKEND.capabilities(clock).map_err(|error| with_errno(error, libc::EINVAL))?;
        Ok((Backend::Userspace, found))
    };
    on_backend(backend, clockid, of_kernel, of_userspace)
}
