//! Timers of the Rust library, created as the calls of this crate create theirs.

use crate::{clock, is_absent, is_forbidden, thread, Backend};
use libc::c_int;
use std::io;
use timers::backends::{kernel, userspace};
use timers::{Clock, TimerFd};

/// Returns the clock with this number, or `EINVAL` if timers do not support it.
pub fn clock(number: c_int) -> io::Result<Clock> {
    clock::named(number)
}

/// Creates a timer that ends when its owner drops it.
///
/// Chooses the backend, reads the options of the timer thread and reports errors as
/// [`create`](crate::create) does.
pub fn open(backend: Backend, clockid: c_int) -> io::Result<TimerFd> {
    let builder = TimerFd::builder(clock(clockid)?);
    if backend != Backend::Userspace {
        let opened = builder.backend(kernel::BACKEND).open();
        let may_emulate = is_absent(&opened) || is_forbidden(clockid, &opened);
        if backend == Backend::Kernel || !may_emulate {
            return opened.map_err(|error| with_errno(error, libc::ENOSYS));
        }
    }
    thread::set_options()?;
    builder.backend(userspace::BACKEND).open().map_err(|error| with_errno(error, libc::EINVAL))
}

/// Replaces "unsupported" by the error that the system call would return.
fn with_errno(error: io::Error, unsupported: c_int) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported => io::Error::from_raw_os_error(unsupported),
        _ => error,
    }
}
