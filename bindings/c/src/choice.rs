//! Which backend makes the timers of this process: what the environment says.

use descriptors::Backend;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU8, Ordering};

/// As the C library takes names.
const VARIABLE: &[u8] = b"PORTABLE_TIMERFD_BACKEND\0";

/// What was asked for: 0 until it is first looked at.
static ASKED: AtomicU8 = AtomicU8::new(0);
const BEST: u8 = 1;
const KERNEL: u8 = 2;
const USERSPACE: u8 = 3;
const NONSENSE: u8 = 4;

/// The backend that the environment asked for when the first timer was made. `EINVAL` if there is no such one, which the first to find
/// it out says on standard error.
pub(crate) fn backend() -> io::Result<Backend> {
    let mut asked = ASKED.load(Ordering::Relaxed);
    if asked == 0 {
        asked = look();
    }
    match asked {
        BEST => Ok(Backend::Best),
        KERNEL => Ok(Backend::Kernel),
        USERSPACE => Ok(Backend::Userspace),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

fn look() -> u8 {
    // By the C library and not by std, which has a lock for it, as a forked child may have inherited it held.
    // SAFETY: the name ends with a zero.
    let value = unsafe { libc::getenv(VARIABLE.as_ptr().cast()) };
    // SAFETY: what there is of a variable is a string that ends with a zero; as in any C program, nobody changes it meanwhile.
    let value = (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes());
    let asked = match value.map_or(Some(Backend::Best), Backend::named) {
        Some(Backend::Best) => BEST,
        Some(Backend::Kernel) => KERNEL,
        Some(Backend::Userspace) => USERSPACE,
        None => NONSENSE,
    };
    let is_first = ASKED.compare_exchange(0, asked, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if let (NONSENSE, true, Some(value)) = (asked, is_first, value) {
        complain(value);
    }
    asked
}

/// One line, in one write.
fn complain(value: &[u8]) {
    let value = OsStr::from_bytes(value);
    let line = format!("libportable_timerfd: PORTABLE_TIMERFD_BACKEND is neither kernel nor userspace: {value:?}\n");
    // SAFETY: the line is valid for reads of its length. If nobody can be told, that is so.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}
