//! The backend that creates the timers of this process, as the environment chooses it.

use descriptors::{is_set_user_id, Backend};
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU8, Ordering};

/// The name of the variable, as a C string.
const VARIABLE: &[u8] = b"PORTABLE_TIMERFD_BACKEND\0";

/// The backend that the environment requests: 0 until the variable is read.
static REQUESTED: AtomicU8 = AtomicU8::new(0);
const BEST: u8 = 1;
const KERNEL: u8 = 2;
const USERSPACE: u8 = 3;
const UNKNOWN: u8 = 4;

/// Returns the backend that the environment requested when the first timer was created.
///
/// # Errors
///
/// `EINVAL` if there is no such backend. The first call that fails also writes a line to standard
/// error.
pub(crate) fn backend() -> io::Result<Backend> {
    let mut requested = REQUESTED.load(Ordering::Relaxed);
    if requested == 0 {
        requested = read_environment();
    }
    match requested {
        BEST => Ok(Backend::Best),
        KERNEL => Ok(Backend::Kernel),
        USERSPACE => Ok(Backend::Userspace),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// A set-user-ID program ignores the variable, because its user has set it.
fn read_environment() -> u8 {
    // std takes a lock to read the environment. A forked child may have inherited that lock held,
    // so this calls the C library instead.
    // SAFETY: the name is null-terminated.
    let value = unsafe { libc::getenv(VARIABLE.as_ptr().cast()) };
    // SAFETY: the value of a variable is a null-terminated string. As in any C program, no other
    // thread changes the environment meanwhile.
    let value = (!value.is_null() && !is_set_user_id()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes());
    let requested = match value.map_or(Some(Backend::Best), Backend::named) {
        Some(Backend::Best) => BEST,
        Some(Backend::Kernel) => KERNEL,
        Some(Backend::Userspace) => USERSPACE,
        None => UNKNOWN,
    };
    let is_first = REQUESTED.compare_exchange(0, requested, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if let (UNKNOWN, true, Some(value)) = (requested, is_first, value) {
        report(value);
    }
    requested
}

/// Writes one line to standard error, with one `write`.
fn report(value: &[u8]) {
    let value = OsStr::from_bytes(value);
    let line = format!("libportable_timerfd: PORTABLE_TIMERFD_BACKEND is neither kernel nor userspace: {value:?}\n");
    // If the write fails, there is no other place to report the error to.
    // SAFETY: the line is valid for reads of its length.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}
