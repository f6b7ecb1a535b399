//! What threads share and wait by: std's and crossbeam's, named in one place so that `tests/models` can put its own there.

pub(crate) use crossbeam_channel::{bounded, Receiver, Sender};
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use std::thread::{current, Thread};
pub(crate) use std::time::Instant;

/// Parks this thread until it is unparked, or until the deadline if there is one, or for no reason; `false` once the deadline
/// has passed.
pub(crate) fn park(deadline: Option<Instant>) -> bool {
    let Some(deadline) = deadline else {
        std::thread::park();
        return true;
    };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    std::thread::park_timeout(left);
    true
}

/// Lets a moment pass without giving up the processor; `false` once the deadline has passed.
pub(crate) fn hold(deadline: Option<Instant>) -> bool {
    std::hint::spin_loop();
    !deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
