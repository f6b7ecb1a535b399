//! The options of the timer thread that the environment names: `PORTABLE_TIMERFD_THREAD`.

use std::ffi::CStr;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use timers::backends::userspace::ThreadOptions;

/// As the C library takes names.
const VARIABLE: &[u8] = b"PORTABLE_TIMERFD_THREAD\0";

/// What the variable said when the first timer was made.
static SAID: AtomicU8 = AtomicU8::new(UNREAD);
const UNREAD: u8 = 0;
const VALID: u8 = 1;
const MALFORMED: u8 = 2;

/// Sets the options that the environment named when the first timer was made. `EINVAL` if the text
/// was malformed.
pub(crate) fn set_options() -> io::Result<()> {
    let mut said = SAID.load(Ordering::Acquire);
    if said == UNREAD {
        said = if read() { VALID } else { MALFORMED };
        SAID.store(said, Ordering::Release);
    }
    match said {
        VALID => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// Reads the variable; `false` if it is malformed, or names what the system does not have.
fn read() -> bool {
    if is_set_user_id() {
        return true;
    }
    // By the C library and not by std, which has a lock for it, as a forked child may have
    // inherited it held.
    // SAFETY: the name ends with a zero.
    let value = unsafe { libc::getenv(VARIABLE.as_ptr().cast()) };
    if value.is_null() {
        return true;
    }
    // SAFETY: a variable's value is a string that ends with a zero; as in any C program, no thread
    // changes the environment meanwhile.
    let value = unsafe { CStr::from_ptr(value) };
    let options = value.to_str().ok().and_then(|text| text.parse::<ThreadOptions>().ok());
    // Another thread may have set the same options.
    options.is_some_and(|options| match options.set_for_process() {
        Ok(()) => true,
        Err(e) => e.raw_os_error() == Some(libc::EBUSY),
    })
}

/// Whether the program has privileges that the user who started it has not, so that the environment
/// is not to be trusted.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_set_user_id() -> bool {
    // SAFETY: the call takes a number and touches no memory.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(any(
    target_vendor = "apple",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "haiku",
    target_os = "netbsd",
    target_os = "openbsd",
))]
fn is_set_user_id() -> bool {
    // SAFETY: the call touches no memory.
    unsafe { libc::issetugid() != 0 }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "haiku",
    target_os = "netbsd",
    target_os = "openbsd",
)))]
fn is_set_user_id() -> bool {
    // SAFETY: these calls touch no memory and always succeed.
    unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() }
}
