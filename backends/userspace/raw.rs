//! Timers that are known by their descriptors alone, as C's are.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::called::Caller;
use super::engine::{engine, find};
use super::registry::{Entry, Ownerless};
use super::shared::Shared;
use super::thread::Engine;
use crate::backends::emulation::latch::Latch;
use crate::backends::sys;
use crate::backends::sys::error::{is_out_of_descriptors, os_error, EINVAL, EOPNOTSUPP};
use crate::backends::sys::fork_table::{reserve, PipeEntry};
use crate::backends::sys::short_lived::{release_number, reserve_number};
use crate::backends::sys::sync::Arc;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;

/// A timer of the userspace backend that is known by its descriptor alone, for foreign interfaces:
/// what a C library has to offer.
///
/// Nobody owns it. It lives for as long as a descriptor of it is open, in whatever process, and is
/// set by way of any of them in the process that made it. It is read by a plain `read(2)` of eight
/// bytes.
///
/// ```
/// use portable_timerfd::backends::userspace::RawTimer;
/// use portable_timerfd::{Clock, CreateFlags, TimerSpec};
/// use std::{fs::File, io::Read, os::fd::AsRawFd, time::Duration};
///
/// let flags = CreateFlags { nonblocking: false, ..CreateFlags::default() };
/// let descriptor = RawTimer::create(Clock::Monotonic, flags)?;
/// RawTimer::find(descriptor.as_raw_fd())?.settime(&TimerSpec::after(Duration::from_millis(5)))?;
///
/// let mut count = [0; 8];
/// File::from(descriptor).read_exact(&mut count)?; // The file is closed here: the timer ends.
/// assert_eq!(u64::from_ne_bytes(count), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # What nobody says
///
/// That the last descriptor is closed, nobody is told. So [`create`](RawTimer::create) looks at the
/// others, once for a quarter as many as there are (and 16), and when there are no descriptors
/// left; and the timer thread looks at one when it expires, and at all of them a second after the
/// last was made, then ever more seldom, but once in 64 seconds at least. The descriptor that the
/// process has beside the one that it gave away is closed then.
///
/// # Platforms
///
/// On Linux and Android what tells is the pipe itself, so that descriptors count which another
/// process has, or a call that is still waiting there. Elsewhere the process's own descriptors are
/// looked through: the timer ends with the last of them, and who waits there, or has a descriptor
/// elsewhere, finds the end of the file. Each timer takes three descriptors there.
///
/// What a descriptor is known by is its file's number (`st_dev`, `st_ino`). Where pipes have none
/// (NetBSD, OpenBSD, DragonFly), the timer is a FIFO, made in the temporary folder, where it has a
/// name for a moment.
///
/// [`create`](RawTimer::create) starts the timer thread. If the thread can't be started, `create`
/// succeeds, and [`settime`](RawTimer::settime) fails.
///
/// A program that closes numbers which it was not given ends the timers that had them. Calls on
/// these timers then fail with `EINVAL`, and a file that has got such a number is left alone. (One
/// exception: if a duplicate of a timer has got the number that the library reserves for refreshes,
/// a forked child closes the duplicate.)
///
/// A thread that has left its process's table of descriptors (`unshare(CLONE_FILES)`) must not make
/// such a timer: the timer thread has another table, and the timer never expires.
pub struct RawTimer {
    entry: Entry<Shared>,
    by: Caller,
}

impl RawTimer {
    /// A disarmed timer: its only descriptor, the lowest number that is free.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`](crate::Backend::open). `EOPNOTSUPP` if the system gives two pipes
    /// the same number.
    pub fn create(clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
        find(clock)?;
        let engine = engine()?;
        engine.registry.make_room();
        match make(engine, clock, flags) {
            Err(e) if is_out_of_descriptors(&e) && engine.registry.look_at_all() => make(engine, clock, flags),
            made => made,
        }
    }

    /// The timer of this descriptor.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such descriptor. `EINVAL` if it is not that of a timer which this process has made in this way: those
    /// that were made before a fork are the parent's.
    pub fn find(fd: RawFd) -> io::Result<RawTimer> {
        let known_as = sys::fd::identity(fd)?;
        let engine = engine()?;
        let entry = engine.registry.find(known_as).ok_or_else(|| os_error(EINVAL))?;
        Ok(RawTimer { entry, by: Caller { fd, known_as } })
    }

    /// As [`Timer::settime`](crate::Timer::settime).
    ///
    /// # Errors
    ///
    /// The same, and `EBADF` if the descriptor was closed since the timer was found.
    pub fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.entry.thing.settime_by(self.by, self.entry.clock, new)
    }

    /// As [`Timer::gettime`](crate::Timer::gettime).
    ///
    /// # Errors
    ///
    /// The same, and `EBADF` if the descriptor was closed since the timer was found.
    pub fn gettime(&self) -> io::Result<TimerSpec> {
        self.entry.thing.gettime_by(self.by)
    }

    /// The clock that it was made for.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.entry.clock
    }
}

/// One attempt to make one.
fn make(engine: &'static Engine<Shared>, clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
    // Before the timer itself, which is to have the lowest number that is free. Without it,
    // refreshes need a free number.
    let _ = reserve_number();
    let made = make_listed(engine, clock, flags);
    if made.is_ok() || !engine.registry.is_empty() {
        return made;
    }
    release_number();
    match made {
        Err(e) if is_out_of_descriptors(&e) => make_listed(engine, clock, flags),
        made => made,
    }
}

/// The same, with an entry among the descriptors that a forked child closes.
fn make_listed(engine: &'static Engine<Shared>, clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
    let pipe = reserve()?;
    let made = make_of(engine, clock, flags, pipe);
    if made.is_err() {
        pipe.release();
    }
    made
}

fn make_of(
    engine: &'static Engine<Shared>,
    clock: Clock,
    flags: CreateFlags,
    pipe: &'static PipeEntry,
) -> io::Result<OwnedFd> {
    let (latch, descriptor) = Latch::given_away(flags, pipe)?;
    let identity = latch.identity()?;
    let thing = Arc::new(Shared::new(clock, flags, latch, engine));
    let entry = Entry { thing: Arc::clone(&thing), clock, number: descriptor.as_raw_fd(), pipe, is_ended: false };
    if !engine.register(identity, entry) {
        thing.close();
        return Err(os_error(EOPNOTSUPP));
    }
    // For the looks at what may be abandoned. If it can't be, that is told when the timer is armed.
    let _ = engine.start();
    Ok(descriptor)
}

impl fmt::Debug for RawTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawTimer").field("fd", &self.by.fd).field("clock", &self.entry.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "raw_tests.rs"]
mod tests;
