//! A thread that takes no signals and sleeps as exactly as the system lets it.

use std::io;
use std::mem::MaybeUninit;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

use cfg_if::cfg_if;

use super::error::os_error;

/// Starts a thread of this name with all signals blocked, so that no handler of the host ever runs on it. Returns once it
/// runs; `ENOMEM` if it can't be made to, for want of memory or because there are too many.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let blocked = BlockedSignals::all()?;
    let start = Arc::new(Start::default());
    let report = Report(Arc::clone(&start));
    // A new thread inherits the mask, so there is no moment at which a signal could reach it.
    let made = Builder::new().name(name.to_owned()).spawn(move || {
        sleep_exactly();
        report.0.tell(true);
        drop(report);
        body();
    });
    drop(blocked);
    if made.is_ok() && start.succeeds() {
        Ok(())
    } else {
        // Not the number a thread is refused with, EAGAIN, which means "would block" to those who wait for timers.
        Err(os_error(libc::ENOMEM))
    }
}

/// Whether a new thread runs. A channel would do, but not in the last destructors of a thread: it has thread-local values.
#[derive(Default)]
struct Start {
    runs: Mutex<Option<bool>>,
    told: Condvar,
}

impl Start {
    fn tell(&self, runs: bool) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(runs);
        self.told.notify_one();
    }

    fn succeeds(&self) -> bool {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(runs) = *runs {
                return runs;
            }
            runs = self.told.wait(runs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The new thread's side: a thread that fails before it comes to tell drops it.
struct Report(Arc<Start>);

impl Drop for Report {
    fn drop(&mut self) {
        self.0.tell(false);
    }
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
