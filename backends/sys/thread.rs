//! A thread that takes no signals and sleeps as exactly as the system lets it.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null;

use super::error::os_error;
use super::system::SYSTEM;

/// What a new thread is given: its name, and what it does.
struct Errand {
    name: CString,
    body: Box<dyn FnOnce() + Send>,
}

/// Starts a thread of this name with all signals blocked, so that no handler of the host ever runs on it; `ENOMEM` if it can't be
/// made, for want of memory or because there are too many.
///
/// By the C library alone: a thread of std's takes a lock of std's when it begins and when it ends, and a forked child, whose
/// parent's other threads come and go, may have inherited that held.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let blocked = BlockedSignals::all()?;
    let errand = Errand { name: CString::new(name)?, body: Box::new(body) };
    // A new thread inherits the mask, so there is no moment at which a signal could reach it.
    let made = start(Box::new(errand));
    drop(blocked);
    made
}

fn start(errand: Box<Errand>) -> io::Result<()> {
    let errand = Box::into_raw(errand);
    let mut thread = MaybeUninit::uninit();
    // SAFETY: `thread` is a valid place for a thread's identity, and `run` takes what it is given here, once.
    match unsafe { libc::pthread_create(thread.as_mut_ptr(), null(), run, errand.cast()) } {
        0 => {
            // SAFETY: the call succeeded, so it has stored the identity; nobody else detaches that thread, or joins it.
            unsafe { libc::pthread_detach(thread.assume_init()) };
            Ok(())
        }
        _ => {
            // SAFETY: there is no thread that could have taken it.
            drop(unsafe { Box::from_raw(errand) });
            // Not the number a thread is refused with, EAGAIN, which means "would block" to those who wait for timers.
            Err(os_error(libc::ENOMEM))
        }
    }
}

extern "C" fn run(errand: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: it is the box that `start` has given to this thread, and to nobody else.
    let errand = *unsafe { Box::from_raw(errand.cast::<Errand>()) };
    (SYSTEM.name_thread)(&errand.name);
    (SYSTEM.sleep_exactly)();
    (errand.body)();
    std::ptr::null_mut()
}

/// All signals blocked in this thread, until it is dropped.
struct BlockedSignals {
    before: libc::sigset_t,
}

impl BlockedSignals {
    fn all() -> io::Result<BlockedSignals> {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `all` and `before` are valid places for signal sets; the first call makes `all` a whole one.
        let errno = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr())
        };
        match errno {
            // SAFETY: the call succeeded, so it has stored the mask of before.
            0 => Ok(BlockedSignals { before: unsafe { before.assume_init() } }),
            _ => Err(os_error(errno)),
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: `before` is the whole signal set that the system gave us.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}
