//! The engine of this process, which all its timers share; its early start; the clocks that there
//! are timers of.

use std::io;

use super::options;
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

/// Starts the timer thread now, from the calling thread.
///
/// Returns when the thread has begun. The thread then makes no more calls that only a new thread makes,
/// so a program can enter a sandbox that forbids them: see `docs/sandboxes.md`.
///
/// Otherwise, the first timer that is armed starts the thread. A program that calls this function
/// at its beginning has the cost of the start, and its possible failure, at a time of its choice.
/// The thread then stays for the life of the process, even while there is no timer. A forked child
/// has no thread until it arms a timer or calls this function itself.
///
/// Options of the thread cannot be set after this call.
///
/// # Errors
///
/// `ENOMEM` if the thread cannot be started, or the system's error if it refuses the options that
/// the program has [set](super::ThreadOptions::set_for_process).
pub fn start_thread() -> io::Result<()> {
    options::fix();
    engine()?.start_for_good()
}

/// Whether there are timers of this clock here: an error says why not.
pub(super) fn find(clock: Clock) -> io::Result<()> {
    if clock.is_alarm() {
        sys::clock::may_wake_the_machine()?;
    }
    clock.now().map(drop)
}
