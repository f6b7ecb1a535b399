//! Calls on timers that nobody owns: each comes by a descriptor, which anybody may close meanwhile.

use std::ops::{Deref, DerefMut};
use std::os::fd::RawFd;

use crate::backends::emulation::state::State;
use crate::backends::sys::fd::Identity;
use crate::backends::sys::sync::MutexGuard;

/// The descriptor that a call came by, of a timer that nobody owns, and what the timer was found by.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) fd: RawFd,
    pub(super) known_as: Identity,
}

/// The state during a call.
pub(super) struct Called<'a>(pub(super) MutexGuard<'a, State>);

impl Deref for Called<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl DerefMut for Called<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.0
    }
}

impl Drop for Called<'_> {
    fn drop(&mut self) {
        self.0.latch.iter_mut().for_each(|latch| latch.call(None));
    }
}
