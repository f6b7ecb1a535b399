//! Lines on standard error about environment variables with an invalid value.
//!
//! `errno` cannot tell a user which variable is wrong. Each variable is reported once.

use descriptors::thread;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// Writes the problem and the value in one line, with one `write`.
pub(crate) fn line(problem: &str, value: &[u8]) {
    let value = OsStr::from_bytes(value);
    let line = format!("libportable_timerfd: {problem}: {value:?}\n");
    // If the write fails, there is no other place to report the error to.
    // SAFETY: the line is valid for reads of its length.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

/// Reports malformed options of the timer thread, if `result` may be their error.
pub(crate) fn with_thread_options<T>(result: io::Result<T>) -> io::Result<T> {
    if result.is_err() {
        if let Some((name, value)) = thread::take_malformed() {
            line(&format!("{name} is malformed, or not possible on this system"), value);
        }
    }
    result
}
