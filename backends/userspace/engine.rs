//! The engine of this process, which all its timers share, and the clocks that there are timers of.

use std::io;

use super::shared::Shared;
use super::thread::Engine;
use crate::backends::sys;
use crate::backends::sys::fork::PerProcess;
use crate::clock::Clock;

static ENGINE: PerProcess<Engine<Shared>> = PerProcess::new();

/// What all timers of this process share.
pub(super) fn engine() -> io::Result<&'static Engine<Shared>> {
    ENGINE.get_or_make(Engine::new)
}

/// Whether there are timers of this clock here: an error says why not.
pub(super) fn find(clock: Clock) -> io::Result<()> {
    if clock.is_alarm() {
        sys::clock::may_wake_the_machine()?;
    }
    clock.now().map(drop)
}
