//! Finds the timer thread by calls that every Unix has.
//!
//! The timer thread blocks all signals except `SIGSYS`. While the calling thread blocks `SIGSYS`, a
//! `SIGSYS` to the process runs its handler on the timer thread. The handler gives the thread a
//! number. When the thread ends, the C library calls the destructor of this number. All this
//! requires that the process has no other thread that takes the signal.
// Each program uses only a part of this.
#![allow(dead_code)]

use nix::libc;
use std::ffi::c_void;
use std::mem::{zeroed, MaybeUninit};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// The thread that sends the signal. It takes the signal if no other thread does.
static SENDER: AtomicUsize = AtomicUsize::new(0);
/// The number of signals that timer threads have taken, and the last thread that took one.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicUsize = AtomicUsize::new(0);
/// The signals from 1 to 64 that this thread blocks, as bits.
static BLOCKED: AtomicU64 = AtomicU64::new(0);
/// How many threads have numbers, and how many of these have ended.
static NUMBERED: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);
static NUMBER: OnceLock<libc::pthread_key_t> = OnceLock::new();

/// Whether this process can find the thread. ThreadSanitizer has a thread that sleeps again and
/// again, takes `SIGSYS` too, and ends the process if it runs a handler. `ci/tsan` sets the variable.
pub fn can_be_found() -> bool {
    std::env::var_os("TSAN_OPTIONS").is_none()
}

/// Waits until there is a timer thread, and returns its number. The first thread that a process
/// finds has number 1, the next one has number 2.
pub fn the_thread() -> usize {
    found_within(Duration::MAX).unwrap()
}

/// Whether a timer thread is found within this time.
pub fn is_found_within(time: Duration) -> bool {
    found_within(time).is_some()
}

/// Whether all timer threads that this process has found have ended.
pub fn has_ended() -> bool {
    ENDED.load(SeqCst) == NUMBERED.load(SeqCst)
}

pub fn until_the_thread_has_ended() {
    while !has_ended() {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the signals from 1 to 64 that the timer thread blocks. The bit of signal 1 is the
/// lowest.
pub fn blocked_signals() -> u64 {
    the_thread();
    BLOCKED.load(SeqCst)
}

/// The signals from 1 to 64 that the calling thread blocks.
pub fn own_blocked_signals() -> u64 {
    let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first call stores the mask of the thread in `mask`, from which the others read.
    // The calls are allowed in signal handlers.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, null(), mask.as_mut_ptr());
        let bit = |signal: u64| u64::from(libc::sigismember(mask.as_ptr(), signal as libc::c_int) == 1);
        (1..=64).fold(0, |bits, signal| bits | bit(signal) << (signal - 1))
    }
}

fn found_within(limit: Duration) -> Option<usize> {
    prepare();
    mask_sigsys(libc::SIG_BLOCK);
    let (taken, begun) = (TAKEN.load(SeqCst), Instant::now());
    // SAFETY: the process handles the signal.
    assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGSYS) }, 0);
    while TAKEN.load(SeqCst) == taken && begun.elapsed() < limit {
        thread::sleep(Duration::from_millis(1));
    }
    let is_found = TAKEN.load(SeqCst) > taken;
    // A new timer thread must not inherit a mask with this signal.
    mask_sigsys(libc::SIG_UNBLOCK);
    is_found.then(|| LAST.load(SeqCst))
}

/// Blocks or unblocks the signal in the calling thread.
fn mask_sigsys(how: libc::c_int) {
    let mut signals = MaybeUninit::uninit();
    // SAFETY: the first call initializes `signals`, and the third call only reads it.
    unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGSYS);
        assert_eq!(libc::pthread_sigmask(how, signals.as_ptr(), null_mut()), 0);
    }
}

/// Installs the handler and creates the key of the numbers.
fn prepare() {
    NUMBER.get_or_init(|| {
        let mut key = MaybeUninit::uninit();
        // SAFETY: the key is valid for writes, and the destructor may run in any thread.
        unsafe {
            assert_eq!(libc::pthread_key_create(key.as_mut_ptr(), Some(end)), 0);
            key.assume_init()
        }
    });
    SENDER.store(this_thread(), SeqCst);
    // SAFETY: zeros are valid for the type and stand for no signals and no flags. The handler makes
    // only calls that change nothing which it could interrupt.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = take as *const () as libc::sighandler_t;
        // Without `SA_NODEFER`, the mask in the handler would contain `SIGSYS`.
        action.sa_flags = libc::SA_RESTART | libc::SA_NODEFER;
        assert_eq!(libc::sigaction(libc::SIGSYS, &action, null_mut()), 0);
    }
}

fn this_thread() -> usize {
    // SAFETY: the call only returns the thread's own identity.
    unsafe { libc::pthread_self() as usize }
}

extern "C" fn take(_: libc::c_int) {
    let (false, Some(&key)) = (this_thread() == SENDER.load(SeqCst), NUMBER.get()) else { return };
    // SAFETY: the key exists. The C library keeps the values of the first keys in the thread
    // itself, and the timer thread is not in a call that uses them.
    unsafe {
        if libc::pthread_getspecific(key).is_null() {
            let next = NUMBERED.fetch_add(1, SeqCst) + 1;
            libc::pthread_setspecific(key, next as *const c_void);
        }
        LAST.store(libc::pthread_getspecific(key) as usize, SeqCst);
    }
    BLOCKED.store(own_blocked_signals(), SeqCst);
    TAKEN.fetch_add(1, SeqCst);
}

/// Runs when a thread with a number ends.
extern "C" fn end(_: *mut c_void) {
    ENDED.fetch_add(1, SeqCst);
}
