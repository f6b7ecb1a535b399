//! Timers of the Rust library, created as the calls of this crate create theirs.

use crate::{clock, on_backend, thread, with_errno, Backend};
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
    let by_kernel = || builder.backend(kernel::BACKEND).open().map_err(|error| with_errno(error, libc::ENOSYS));
    let by_userspace = || {
        thread::set_options()?;
        builder.backend(userspace::BACKEND).open().map_err(|error| with_errno(error, libc::EINVAL))
    };
    on_backend(backend, clockid, by_kernel, by_userspace)
}
