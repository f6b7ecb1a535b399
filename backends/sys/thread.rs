//! A thread that takes no signals and sleeps as exactly as the system lets it.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null;

use cfg_if::cfg_if;

use super::error::os_error;

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
    take_name(&errand.name);
    sleep_exactly();
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

cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        /// Gives up the 50 µs by which the kernel may delay a thread's sleeps to join them with others'.
        fn sleep_exactly() {
            const ONE_NANOSECOND: libc::c_ulong = 1;
            // SAFETY: this sets a number of the calling thread's and touches no memory. If it is refused, sleeps stay
            // as long as they were.
            unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, ONE_NANOSECOND, 0, 0, 0) };
        }
    } else {
        /// The system gives a thread no say in this.
        fn sleep_exactly() {}
    }
}

cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        fn take_name(name: &CString) {
            // SAFETY: the name ends with a zero; a name that is refused leaves the thread as it is.
            unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
        }
    } else if #[cfg(target_vendor = "apple")] {
        fn take_name(name: &CString) {
            // SAFETY: as above.
            unsafe { libc::pthread_setname_np(name.as_ptr()) };
        }
    } else if #[cfg(any(target_os = "freebsd", target_os = "dragonfly", target_os = "openbsd"))] {
        fn take_name(name: &CString) {
            // SAFETY: as above.
            unsafe { libc::pthread_set_name_np(libc::pthread_self(), name.as_ptr()) };
        }
    } else if #[cfg(target_os = "netbsd")] {
        fn take_name(name: &CString) {
            // SAFETY: as above; the name holds no place for an argument.
            unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr(), std::ptr::null_mut()) };
        }
    } else {
        /// The system's way of naming a thread, if it has one, is not in every release.
        fn take_name(_name: &CString) {}
    }
}
