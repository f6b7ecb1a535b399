//! Blocking reads: returns the expirations up to now, or waits at the pipe for the next one.
//!
//! A reader blocks in an ordinary `read(2)`, so it is interrupted as any other, and without the
//! lock. The message that it gets may be stale by then: `settime` discards unread expirations, and
//! so does `ECANCELED` in another thread. The pipe numbers its messages, and [`TimerPipe::epoch`]
//! tells whether the message that a reader got is stale. A stale message counts as discarded before
//! it was read. If the epoch is unknown, the message counts as read before the change. So
//! expirations of two settings are never added up.
//!
//! While a reader is blocked, it may have a message that was consumed, and may still return
//! `ECANCELED` instead of it. So such a message commits nothing.
//!
//! [`TimerPipe::epoch`]: super::pipe::TimerPipe::epoch

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::clock_change::Clocks;
use super::state::TimerState;
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EIO};

/// A timer whose state is behind a lock.
pub(crate) trait LockedState {
    type Clocks: Clocks;

    /// Calls `operation` with the locked state, and then enqueues the timer if necessary.
    fn with<R>(&self, operation: impl FnOnce(&mut TimerState, &Self::Clocks) -> R) -> R;

    /// Like [`with`](LockedState::with), for an operation that first takes all expirations. The
    /// message of a write in flight may be among them.
    fn with_expirations<R>(&self, operation: impl FnOnce(&mut TimerState, &Self::Clocks) -> R) -> R {
        self.with(operation)
    }
}

/// How far a read has come.
enum Progress {
    Done(io::Result<u64>),
    /// There was no expiration after this message, so the reader blocks at the pipe.
    Blocked(u32),
}

impl Progress {
    #[inline]
    fn after(taken: io::Result<u64>, state: &mut TimerState) -> Progress {
        match taken {
            Ok(0) => Progress::Blocked(state.block_reader()),
            taken => Progress::Done(taken),
        }
    }
}

/// Returns the expirations up to now. If there are none, and the descriptor is in blocking mode,
/// waits for the next one.
pub(crate) fn read(timer: &impl LockedState, reader: &OwnedFd) -> io::Result<u64> {
    let mut progress = timer.with_expirations(|state, clocks| {
        let taken = state.take_expirations(clocks, 0);
        Progress::after(taken, state)
    });
    loop {
        let last = match progress {
            Progress::Done(result) => return result,
            Progress::Blocked(last) => last,
        };
        let message = read_message(reader);
        progress = timer.with(|state, clocks| {
            let must_wait = || sys::nowait::must_wait(reader.as_fd());
            let taken = match message {
                // The timer thread switches the mode for the length of a refresh, under the lock.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && must_wait() => state.take_read(clocks, 0, last),
                message => message.and_then(|count| state.take_read(clocks, count, last)),
            };
            state.unblock_reader(taken.is_ok());
            Progress::after(taken, state)
        });
    }
}

/// A raw `read(2)`, which blocks and is interrupted as any other. Returns 0 if another thread's
/// short read has consumed a part of the message.
fn read_message(reader: &OwnedFd) -> io::Result<u64> {
    let mut message = [0; sys::fd::COUNT_SIZE];
    match sys::fd::read(reader.as_fd(), &mut message)? {
        0 => Err(os_error(EIO)),
        sys::fd::COUNT_SIZE => Ok(u64::from_ne_bytes(message)),
        _ => Ok(0),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
