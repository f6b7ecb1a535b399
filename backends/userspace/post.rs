//! Messages on their way to the pipes: written by the thread when it has let go of the timer.

use crate::backends::emulation::queue::Key;
use crate::backends::sys::parcel::Parcel;
use crate::backends::sys::sync::{Mutex, MutexGuard, PoisonError};

/// Held while a message is written; what the pipe did not take, and of which timer that is.
#[derive(Default)]
pub(super) struct Post(Mutex<Option<(Key, u64)>>);

impl Post {
    fn office(&self) -> MutexGuard<'_, Option<(Key, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a message of this timer after its state has been `let_go` of; whether the pipe took it.
    pub(super) fn send(&self, timer: Key, parcel: &Parcel, let_go: impl FnOnce()) -> bool {
        let mut come_back = self.office();
        let_go();
        let delivered = parcel.deliver().is_ok();
        if !delivered {
            *come_back = Some((timer, parcel.count));
        }
        delivered
    }

    /// Waits until nothing is on its way; what came back of this timer.
    pub(super) fn wait(&self, timer: Key) -> Option<u64> {
        let mut come_back = self.office();
        match *come_back {
            Some((of, count)) if of == timer => {
                *come_back = None;
                Some(count)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
