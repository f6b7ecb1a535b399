//! The engine of this process, which all its timers share, and the clocks that there are timers of.

use std::io;

use super::shared::Shared;
use super::thread::Engine;
use crate::backends::sys;
use crate::backends::sys::fork::{in_child, PerProcess};
use crate::clock::Clock;

static ENGINE: PerProcess<Engine<Shared>> = PerProcess::new();

/// What all timers of this process share.
pub(super) fn engine() -> io::Result<&'static Engine<Shared>> {
    ENGINE.get_or_make(Engine::new)
}

/// From now on, a forked child closes what the parent has of timers that nobody owns, so that the parent's end does not go unnoticed
/// there.
pub(super) fn leave_to_parent_at_forks() {
    in_child(|| {
        if let Some(engine) = ENGINE.inherited() {
            engine.registry.leave_to_parent();
        }
    });
}

/// Whether there are timers of this clock here: an error says why not.
pub(super) fn find(clock: Clock) -> io::Result<()> {
    if clock.is_alarm() {
        sys::clock::may_wake_the_machine()?;
    }
    clock.now().map(drop)
}
