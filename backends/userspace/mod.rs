//! Timers for every Unix: a pipe for each timer, and one thread that writes to all pipes.

mod cpu_budget;
mod fd_only;
mod in_flight;
mod options;
mod queues;
mod thread;
mod timer;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::emulation::pipe::TimerPipe;
use crate::backends::emulation::read;
use crate::backends::sys;
use crate::backends::sys::error::{os_error, ESRCH};
use crate::backends::sys::fork::generation;
use crate::backends::sys::sync::Arc;
pub use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use crate::timer::Timer;
pub use fd_only::RawTimer;
use timer::{check_clock, engine, SharedTimer};

/// The `userspace` backend, for every Unix.
pub const BACKEND: Backend = Backend::new("userspace", open, capabilities);

/// A timer made of a pipe, which one thread for all such timers of the process fills.
///
/// The thread is started by the first timer that is armed, and ends a second after the last timer
/// is dropped; its name is `timerfd`, and it takes no signals. A plain `read(2)` of eight bytes
/// from the descriptor gives the count as of the thread's last look; what that misses comes with
/// the next one. [`read`](Timer::read) counts by the clock at the moment of the call. The methods
/// take locks, so a signal handler must not call them.
///
/// On Linux the timer thread has the policy `SCHED_OTHER`, priority 0, and the CPUs of the
/// process's main thread, whatever thread arms the first timer, unless the program has chosen other
/// [`ThreadOptions`]. It also has the main thread's nice value. If that value is lower than the
/// arming thread's, setting it needs privilege; without privilege the timer thread inherits the
/// arming thread's value. If the system refuses the policy, the timer thread inherits the arming
/// thread's attributes: from a thread with `SCHED_IDLE`, Linux refuses `SCHED_OTHER` without
/// privilege. A thread with `SCHED_DEADLINE` can start the timer thread only if it may change its
/// own scheduling attributes; otherwise arming the first timer fails with `ENOMEM`. On macOS, the
/// BSDs, illumos and Solaris the timer thread has the policy and priority, and inherits CPUs and
/// nice value. On Android and other systems it inherits all four attributes. [`start_thread`]
/// starts the thread early, from a thread of the program's choice.
///
/// The stack has 128 KiB plus the size of static thread-local storage. Where memory is locked
/// (`mlockall`), the thread locks 144 KiB on x86-64 with glibc.
///
/// # Plugins
///
/// If this code is in a shared object, the first timer keeps that object loaded until the process
/// ends. A host can therefore `dlclose` a plugin at any time. The first timer takes the loader's
/// lock to that end, so an initializer of the plugin must not wait until another thread has made
/// that timer. On Haiku and on systems that are not listed, a plugin that has used a timer must not
/// be unloaded.
///
/// # Platforms
///
/// A timer belongs to the process that made it, and to its table of descriptors: a thread that has
/// left the table (`unshare(CLONE_FILES)`) must not make timers. In a forked child, where its
/// thread is not, [`settime`](Timer::settime) and [`gettime`](Timer::gettime) of an inherited one
/// fail with `ESRCH`; a read competes with the parent for the parent's expirations, and fails so
/// once the parent is gone. Timers made in the child work. A child made past the C library's `fork`
/// (by `vfork`, `_Fork` or a bare system call) is not noticed and must use no timers.
///
/// Absolute times of the wall clock, and [`Boottime`](Clock::Boottime), follow a step of the clock
/// or a suspend within 250 ms, and at once when a method is called. To that end the thread wakes up
/// four times a second while such a time is set, or while notice of steps is asked for; otherwise
/// only when something is due.
pub struct UserspaceTimer {
    /// Closed after `drop` has ended the timer, whose pipe borrows it.
    reader: OwnedFd,
    clock: Clock,
    shared: Arc<SharedTimer>,
    generation: usize,
}

impl UserspaceTimer {
    /// A disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`].
    pub fn new(clock: Clock, flags: CreateFlags) -> io::Result<UserspaceTimer> {
        check_clock(clock)?;
        let engine = engine()?;
        options::fix();
        let generation = generation();
        let (pipe, reader) = TimerPipe::new(flags)?;
        let shared = Arc::new(SharedTimer::new(clock, flags, pipe, engine));
        Ok(UserspaceTimer { reader, clock, shared, generation })
    }

    /// Whether the timer was made before a fork that this process came from. Its locks must not be
    /// touched then.
    #[inline]
    fn is_inherited(&self) -> bool {
        self.generation != generation()
    }

    fn shared(&self) -> io::Result<&Arc<SharedTimer>> {
        if self.is_inherited() {
            Err(os_error(ESRCH))
        } else {
            Ok(&self.shared)
        }
    }
}

fn open(clock: Clock, flags: CreateFlags) -> io::Result<Box<dyn Timer>> {
    Ok(Box::new(UserspaceTimer::new(clock, flags)?))
}

fn capabilities(clock: Clock) -> io::Result<Capabilities> {
    check_clock(clock)?;
    let counts_suspend = sys::clock::counts_suspend(clock);
    // The thread sleeps by the monotonic clock, so it does not check that clock repeatedly.
    let notices_jumps_within = match (clock, counts_suspend) {
        (Clock::Monotonic, Some(false)) => Some(Duration::ZERO),
        (Clock::Monotonic, _) => None,
        _ => Some(Duration::from_nanos(queues::MAX_BLIND_SLEEP)),
    };
    Ok(Capabilities {
        counts_suspend,
        wakes_the_machine: false,
        cancel_on_set: clock.without_alarm() == Clock::Realtime,
        notices_jumps_within,
        outlives_its_process: false,
    })
}

impl Timer for UserspaceTimer {
    fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.shared()?.settime(self.clock, new)
    }

    fn gettime(&self) -> io::Result<TimerSpec> {
        self.shared()?.gettime()
    }

    fn read(&self) -> io::Result<u64> {
        if self.is_inherited() {
            // Without the child's copy of the write end, a read fails once the parent has ended.
            self.shared.close_inherited();
            let count = sys::fd::read_count(self.reader.as_fd())?;
            return count.ok_or_else(|| os_error(ESRCH));
        }
        read::read(&self.shared, &self.reader)
    }

    fn try_read(&self) -> io::Result<u64> {
        if self.is_inherited() {
            self.shared.close_inherited();
            return sys::nowait::read_count(self.reader.as_fd())?.ok_or_else(|| os_error(ESRCH));
        }
        self.shared.try_read()
    }
}

impl Drop for UserspaceTimer {
    fn drop(&mut self) {
        if self.is_inherited() {
            self.shared.close_inherited();
        } else {
            self.shared.close();
        }
    }
}

impl AsFd for UserspaceTimer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl AsRawFd for UserspaceTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}

impl fmt::Debug for UserspaceTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserspaceTimer").field("fd", &self.reader).finish_non_exhaustive()
    }
}

/// Starts the timer thread now, from the calling thread.
///
/// Returns when the thread has begun. The thread then makes no more calls that only a new thread
/// makes, so a program can enter a sandbox that forbids them: see `docs/sandboxes.md`.
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
/// the program has [set](ThreadOptions::set_for_process).
pub fn start_thread() -> io::Result<()> {
    options::fix();
    engine()?.start_for_good()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::TimerSpec;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_dropped_timer_leaves_nothing_in_the_thread() {
        for clock in [Clock::Monotonic, Clock::Realtime] {
            for again in [false, true] {
                let timer = UserspaceTimer::new(clock, CreateFlags::default()).unwrap();
                let later = clock.now().unwrap() + HOUR;
                timer.settime(&TimerSpec::at(later).cancel_on_set()).unwrap();
                if again {
                    timer.settime(&TimerSpec::after(2 * HOUR)).unwrap();
                }
                let shared = Arc::downgrade(&timer.shared);
                drop(timer);
                assert_eq!(shared.strong_count(), 0, "{clock:?}");
            }
        }
    }

    /// As when the user drops a timer after the thread has taken it from its queue.
    #[test]
    fn processing_a_dropped_timer_does_nothing() {
        let timer = UserspaceTimer::new(Clock::Monotonic, CreateFlags::default()).unwrap();
        timer.settime(&TimerSpec::after(HOUR).every(HOUR)).unwrap();
        let shared = Arc::clone(&timer.shared);
        drop(timer);
        assert!(thread::Process::process(&shared, 0));
        assert_eq!(Arc::strong_count(&shared), 1, "it is in no queue");
    }
}
