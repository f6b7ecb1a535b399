//! Timers for every Unix: a pipe for each timer, and one thread that writes to all pipes.

mod cpu_budget;
pub(crate) mod fd_only;
pub(crate) mod options;
mod queues;
mod thread;
mod timer;

use std::io;
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::sys;
pub use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::timer::Timer;
pub use timer::UserspaceTimer;
use timer::{check_clock, engine};

/// The `userspace` backend, for every Unix.
pub const BACKEND: Backend = Backend::new("userspace", open, capabilities);

fn open(clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
    Ok(Box::new(UserspaceTimer::new(clock, flags)?))
}

fn capabilities(clock: Clock) -> io::Result<Capabilities> {
    check_clock(clock)?;
    let counts_suspend = sys::clock::counts_suspend(clock);
    // The thread sleeps by the monotonic clock, so it does not check that clock repeatedly.
    let jump_latency = match (clock, counts_suspend) {
        (Clock::Monotonic, Some(false)) => Some(Duration::ZERO),
        (Clock::Monotonic, _) => None,
        _ => Some(Duration::from_nanos(queues::MAX_BLIND_SLEEP)),
    };
    Ok(Capabilities {
        counts_suspend,
        wakes_system: false,
        cancel_on_set: clock.without_alarm() == Clock::Realtime,
        jump_latency,
        process_shared: false,
    })
}

/// Starts the timer thread now, from the calling thread.
///
/// Returns when the thread has begun. By then, the thread has made all system calls that only the
/// start of a thread needs. So the program can enter a sandbox that forbids such calls: see
/// `docs/sandboxes.md` in the source.
///
/// Without this call, the first timer that is armed starts the thread. A program that makes this
/// call early chooses when the start takes its time, and when it can fail. The thread then stays
/// for the life of the process, even while there is no timer. A forked child has no thread until it
/// arms a timer or calls this function itself.
///
/// Options of the thread cannot be set after this call, unless it fails.
///
/// # Errors
///
/// `ENOMEM` if the thread cannot be started, or the system's error if it refuses the options that
/// the program has [set](ThreadOptions::set_for_process).
pub fn start_thread() -> io::Result<()> {
    options::fix();
    engine()?.start_for_good()
}
