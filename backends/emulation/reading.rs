//! Reading a timer: what is counted by now, or what comes next.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::calls::World;
use super::state::State;
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EIO};

/// A timer whose state is under a lock.
pub(crate) trait Locked {
    type World: World;

    /// Does something to the state under the lock, and then sees to it that the timer is looked at in time.
    fn with<R>(&self, act: impl FnOnce(&mut State, &Self::World) -> R) -> R;

    /// The same for an act that takes all there is, and so does not care where it is: it need not wait for what is on its way and has come.
    fn to_take<R>(&self, act: impl FnOnce(&mut State, &Self::World) -> R) -> R {
        self.with(act)
    }
}

/// Where a read has come to.
enum Turn {
    Over(io::Result<u64>),
    /// There was nothing to count after this last message: it is at the pipe.
    AtThePipe(u32),
}

impl Turn {
    #[inline]
    fn after(present: io::Result<u64>, state: &mut State) -> Turn {
        match present {
            Ok(0) => Turn::AtThePipe(state.reader_comes()),
            present => Turn::Over(present),
        }
    }
}

/// The expirations up to now, or the next ones if the descriptor is in blocking mode.
pub(crate) fn read(timer: &impl Locked, reader: &OwnedFd) -> io::Result<u64> {
    let mut turn = timer.to_take(|state, world| Turn::after(state.collect(world, 0), state));
    loop {
        let last = match turn {
            Turn::Over(present) => return present,
            Turn::AtThePipe(last) => last,
        };
        let message = read_message(reader);
        turn = timer.with(|state, world| {
            let is_to_wait = || sys::nowait::is_to_wait(reader.as_fd());
            let present = match message {
                // The mode is switched only under the lock, to look whether there is something.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && is_to_wait() => state.collect_from(world, 0, last),
                message => message.and_then(|count| state.collect_from(world, count, last)),
            };
            state.reader_leaves(present.is_ok());
            Turn::after(present, state)
        });
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

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
