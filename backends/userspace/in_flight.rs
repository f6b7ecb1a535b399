//! The write in flight: the timer thread unlocks a timer before it writes to the timer's pipe.
//!
//! The write may wake a reader on the timer thread's CPU and preempt the thread. If the thread
//! still held the timer's lock, that reader would block at once.

use crate::backends::emulation::queue::TimerId;
use crate::backends::sys::pipe_write::PipeWrite;
use crate::backends::sys::sync::{Mutex, MutexGuard, PoisonError};

/// The lock that is held during a write. It holds the count that a pipe has refused, and whose
/// count that is.
#[derive(Default)]
pub(super) struct InFlight(Mutex<Option<(TimerId, u64)>>);

/// The lock during one write.
pub(super) struct InFlightGuard<'a>(MutexGuard<'a, Option<(TimerId, u64)>>);

impl InFlight {
    /// Locks for a write. The caller unlocks the timer's state afterwards, and then runs the write.
    pub(super) fn lock(&self) -> InFlightGuard<'_> {
        InFlightGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until no write is in flight. Returns the count of this timer that its pipe has
    /// refused, if there is one.
    pub(super) fn wait(&self, timer: TimerId) -> Option<u64> {
        let mut refused = self.lock().0;
        match *refused {
            Some((of, count)) if of == timer => {
                *refused = None;
                Some(count)
            }
            _ => None,
        }
    }
}

impl InFlightGuard<'_> {
    /// Runs the write of this timer. Returns whether the pipe has taken it.
    pub(super) fn run(mut self, timer: TimerId, write: &PipeWrite) -> bool {
        let is_written = write.run().is_ok();
        if !is_written {
            *self.0 = Some((timer, write.count));
        }
        is_written
    }
}

#[cfg(test)]
#[path = "in_flight_tests.rs"]
mod tests;
