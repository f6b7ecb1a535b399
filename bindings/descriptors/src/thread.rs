//! The options of the timer thread: those that the program sets, otherwise those of the environment
//! variable `PORTABLE_TIMERFD_THREAD`.

use std::ffi::CStr;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use timers::backends::userspace::{start_thread, ThreadOptions};
use timers::bindings::is_set_user_id;

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

/// The name of the variable, as a C string.
const VARIABLE: &[u8] = b"PORTABLE_TIMERFD_THREAD\0";

/// Whether the options are set, and whether those of the environment were malformed.
static STATE: AtomicU8 = AtomicU8::new(UNREAD);
const UNREAD: u8 = 0;
const VALID: u8 = 1;
const MALFORMED: u8 = 2;

/// Sets the options that the environment had when the first timer was created.
///
/// # Errors
///
/// `EINVAL` if the text was malformed.
pub(crate) fn set_options() -> io::Result<()> {
    let mut state = STATE.load(Ordering::Acquire);
    if state == UNREAD {
        state = if read() { VALID } else { MALFORMED };
        STATE.store(state, Ordering::Release);
    }
    match state {
        VALID => Ok(()),
        _ => Err(error(libc::EINVAL)),
    }
}

/// Sets the options that the text describes. From then on, the environment variable is ignored.
///
/// # Errors
///
/// `EBUSY` if options were set before, or an emulated timer was created. Otherwise those of
/// [`ThreadOptions`].
pub fn set_options_from(text: &[u8]) -> io::Result<()> {
    if STATE.load(Ordering::Acquire) != UNREAD {
        return Err(error(libc::EBUSY));
    }
    let text = std::str::from_utf8(text).map_err(|_| error(libc::EINVAL))?;
    text.parse::<ThreadOptions>()?.set_for_process()?;
    STATE.store(VALID, Ordering::Release);
    Ok(())
}

/// Starts the timer thread now, with the options that are set.
///
/// # Errors
///
/// `EINVAL` if the options of the environment are malformed. Otherwise those of
/// [`start_thread`].
pub fn start() -> io::Result<()> {
    set_options()?;
    start_thread()
}

/// Reads the variable. Returns `false` if it is malformed or not valid on this system.
fn read() -> bool {
    if is_set_user_id() {
        return true;
    }
    // std takes a lock to read the environment. A forked child may have inherited that lock held,
    // so this calls the C library instead.
    // SAFETY: the name is null-terminated.
    let value = unsafe { libc::getenv(VARIABLE.as_ptr().cast()) };
    if value.is_null() {
        return true;
    }
    // SAFETY: the value of a variable is a null-terminated string. As in any C program, no other
    // thread changes the environment meanwhile.
    let value = unsafe { CStr::from_ptr(value) };
    let options = value.to_str().ok().and_then(|text| text.parse::<ThreadOptions>().ok());
    // Another thread may have set the same options.
    options.is_some_and(|options| match options.set_for_process() {
        Ok(()) => true,
        Err(e) => e.raw_os_error() == Some(libc::EBUSY),
    })
}
