//! The options of the timer thread: those that the program sets, otherwise those of the environment
//! variable `PORTABLE_TIMERFD_THREAD`.

use crate::environment;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use timers::backends::userspace::{start_thread, ThreadOptions};

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

const VARIABLE: &str = "PORTABLE_TIMERFD_THREAD";

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
        let found = if read() { VALID } else { MALFORMED };
        // The program may have set options meanwhile, which replace those of the environment.
        let earlier = STATE.compare_exchange(UNREAD, found, Ordering::AcqRel, Ordering::Acquire);
        state = earlier.err().unwrap_or(found);
    }
    match state {
        VALID => Ok(()),
        _ => Err(error(libc::EINVAL)),
    }
}

/// Sets the options that the text describes. From then on, the environment variable is ignored,
/// even if it was found malformed before.
///
/// # Errors
///
/// Those of [`ThreadOptions`].
pub fn set_options_from(text: &[u8]) -> io::Result<()> {
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

/// Returns the name and the value of the environment variable if it is malformed. Returns `None`
/// after the first such result, so that a program reports the error once.
pub fn take_malformed() -> Option<(&'static str, &'static [u8])> {
    static IS_TAKEN: AtomicBool = AtomicBool::new(false);
    if STATE.load(Ordering::Acquire) != MALFORMED || IS_TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    Some((VARIABLE, environment::value(VARIABLE)?.to_bytes()))
}

/// Reads the variable. Returns `false` if it is malformed or not valid on this system.
fn read() -> bool {
    let Some(value) = environment::value(VARIABLE) else { return true };
    let options = value.to_str().ok().and_then(|text| text.parse::<ThreadOptions>().ok());
    // Another thread may have set the same options.
    options.is_some_and(|options| match options.set_for_process() {
        Ok(()) => true,
        Err(e) => e.raw_os_error() == Some(libc::EBUSY),
    })
}
