//! The capabilities of the timers that a backend would create.

use crate::{clock, is_absent, is_forbidden, Backend};
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
    if backend != Backend::Userspace {
        let found = kernel::BACKEND.capabilities(clock);
        if backend == Backend::Kernel || !(is_absent(&found) || is_forbidden(clockid, &found)) {
            return found.map(|found| (Backend::Kernel, found));
        }
    }
    let found = userspace::BACKEND.capabilities(clock).map_err(|e| match e.kind() {
        // A clock that this system lacks.
        io::ErrorKind::Unsupported => io::Error::from_raw_os_error(libc::EINVAL),
        _ => e,
    })?;
    Ok((Backend::Userspace, found))
}
