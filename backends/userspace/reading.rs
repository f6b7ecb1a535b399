//! Reading a timer: what is counted by now, or what comes next.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::agenda::time;
use super::latch::Origin;
use super::shared::Shared;
use super::state::State;
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EAGAIN, EIO};
use crate::backends::sys::sync::Arc;

impl Shared {
    /// The expirations up to now, or the next ones if the descriptor is in blocking mode.
    pub(super) fn read(self: &Arc<Self>, reader: &OwnedFd) -> io::Result<u64> {
        let mut state = self.state();
        let mut present = self.collect(&mut state, 0);
        while let Ok(0) = present {
            let last = state.reader_comes();
            drop(state);
            let mut read = read_message(reader);
            state = self.state();
            // The thread switches the mode only under the lock.
            if matches!(&read, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
                && sys::nowait::is_to_wait(reader.as_fd())
            {
                read = Ok(0);
            }
            present = read.and_then(|count| self.collect_from(&mut state, count, last));
            state.reader_leaves(present.is_ok());
        }
        present
    }

    /// All expirations not yet read, beside a `count` just read from the latch, which had been empty after the `last` message.
    fn collect_from(self: &Arc<Self>, state: &mut State, count: u64, last: u32) -> io::Result<u64> {
        match state.origin(last) {
            Origin::Current => self.collect(state, count),
            // As if it had been read before the other was put: nothing of now is to be mixed with it.
            Origin::Unknown if count > 0 => self.tell_step(state).map(|()| count),
            // As if it had been discarded before it was read.
            Origin::Void | Origin::Unknown => self.collect(state, 0),
        }
    }

    /// The expirations up to now.
    pub(super) fn try_read(self: &Arc<Self>) -> io::Result<u64> {
        let mut state = self.state();
        let mut present = self.collect(&mut state, 0)?;
        if present == 0 {
            present = state.take_foreign()?;
        }
        if present == 0 {
            return Err(os_error(EAGAIN));
        }
        Ok(present)
    }

    /// All expirations not yet read, beside those just `read` from the latch.
    fn collect(self: &Arc<Self>, state: &mut State, read: u64) -> io::Result<u64> {
        self.tell_step(state)?;
        let count = state.take_all(read, time(state.runs_on))?;
        self.stand(state);
        Ok(count)
    }
}

/// An ordinary read, which waits or does not, and is interrupted or not, just as a reader of the descriptor would be. The count
/// that it gives, 0 if the message was torn by somebody's short read.
fn read_message(reader: &OwnedFd) -> io::Result<u64> {
    let mut message = [0; sys::fd::COUNT_SIZE];
    match sys::fd::read(reader.as_fd(), &mut message)? {
        0 => Err(os_error(EIO)),
        sys::fd::COUNT_SIZE => Ok(u64::from_ne_bytes(message)),
        _ => Ok(0),
    }
}
