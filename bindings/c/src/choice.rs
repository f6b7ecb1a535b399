//! The backend that creates the timers of this process, as the program or the environment chooses
//! it.

use crate::report;
use descriptors::{environment, Backend};
use std::ffi::CStr;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

const VARIABLE: &str = "PORTABLE_TIMERFD_BACKEND";

/// The backend that the program or the environment requests: 0 until the program has set it or the
/// variable is read.
static REQUESTED: AtomicU8 = AtomicU8::new(0);
const BEST: u8 = 1;
const KERNEL: u8 = 2;
const USERSPACE: u8 = 3;
const UNKNOWN: u8 = 4;

/// Makes this the backend of the process. From then on, the environment variable is ignored.
///
/// # Errors
///
/// `EBUSY` if a backend was set before, or if a timer was created.
pub(crate) fn set(backend: Backend) -> io::Result<()> {
    match REQUESTED.compare_exchange(0, number_of(Some(backend)), Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => Err(io::Error::from_raw_os_error(libc::EBUSY)),
    }
}

/// Returns the backend that the program has set, or that the environment requested when the first
/// timer was created.
///
/// # Errors
///
/// `EINVAL` if there is no such backend. The first call that fails also writes a line to standard
/// error.
pub(crate) fn backend() -> io::Result<Backend> {
    let mut requested = REQUESTED.load(Ordering::Relaxed);
    if requested == 0 {
        requested = fix_environment();
    }
    backend_of(requested)
}

/// Returns the backend that the first timer would have now. Unlike [`backend`], this does not fix
/// the choice.
pub(crate) fn backend_for_now() -> io::Result<Backend> {
    match REQUESTED.load(Ordering::Relaxed) {
        0 => backend_of(number_of(value().map_or(Some(Backend::Best), Backend::named))),
        requested => backend_of(requested),
    }
}

fn backend_of(number: u8) -> io::Result<Backend> {
    match number {
        BEST => Ok(Backend::Best),
        KERNEL => Ok(Backend::Kernel),
        USERSPACE => Ok(Backend::Userspace),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

fn number_of(requested: Option<Backend>) -> u8 {
    match requested {
        Some(Backend::Best) => BEST,
        Some(Backend::Kernel) => KERNEL,
        Some(Backend::Userspace) => USERSPACE,
        None => UNKNOWN,
    }
}

fn value() -> Option<&'static [u8]> {
    environment::value(VARIABLE).map(CStr::to_bytes)
}

/// Fixes the choice of the environment, and returns its number.
fn fix_environment() -> u8 {
    let value = value();
    let requested = number_of(value.map_or(Some(Backend::Best), Backend::named));
    match REQUESTED.compare_exchange(0, requested, Ordering::Relaxed, Ordering::Relaxed) {
        Err(earlier) => return earlier,
        Ok(_) => {
            if let (UNKNOWN, Some(value)) = (requested, value) {
                report::line(&format!("{VARIABLE} is neither kernel nor userspace"), value);
            }
        }
    }
    requested
}
