//! Fd-only timers, like the timers of C: a timer without an owner, which lives as long as one of
//! its descriptors is open. Only this module knows the details of such timers.
//!
//! The library finds such a timer by the device and inode numbers of its pipe, whatever the
//! descriptor. It has the write end only, so `poll` shows when the last read end is closed, even in
//! another process. On systems where the write end does not show that, the library keeps a
//! duplicate of the read end, and searches the descriptors of the process for another one.
//!
//! To read a count back, the library duplicates the descriptor where it was last seen, checks
//! before and after that it refers to the timer's pipe, reads the duplicate, and closes it. The
//! duplicate has a reserved number, so a refresh needs no free descriptor, and a forked child knows
//! which number to close. If the timer has another number by then, the library opens the pipe
//! through its write end (`/proc/self/fd`).
//!
//! The program may close every number. So before each use of a number, the library checks that it
//! still refers to the timer's pipe. A write in a caller's thread blocks `SIGPIPE`, since another
//! thread may close the descriptor meanwhile.

pub(super) mod registry;

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::thread::Engine;
use super::timer::{check_clock, engine, SharedTimer};
use crate::backends::emulation::pipe::TimerPipe;
use crate::backends::emulation::state::TimerState;
use crate::backends::sys;
use crate::backends::sys::error::{is_out_of_descriptors, os_error, EBADF, EINVAL, EOPNOTSUPP};
use crate::backends::sys::fd::Identity;
use crate::backends::sys::fork_table::{reserve, PipeEntry};
use crate::backends::sys::read_end::OpenDescriptors;
use crate::backends::sys::short_lived::{release_number, reserve_number};
use crate::backends::sys::sync::{Arc, MutexGuard};
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use registry::{Entry, FdOnly};

/// A timer of the userspace backend that is known only by its descriptors, and has no owner.
///
/// It is for C and other languages, whose timers are plain descriptors.
///
/// The timer lives as long as any process has a descriptor of it. The process that created the
/// timer can set it by any of its descriptors, and reads it by a raw `read(2)` of eight bytes.
///
// Only the feature makes the type public, and doc tests can use only what is public.
#[cfg_attr(feature = "__bindings", doc = "```")]
#[cfg_attr(not(feature = "__bindings"), doc = "```ignore")]
/// use portable_timerfd::bindings::RawTimer;
/// use portable_timerfd::{Clock, CreateFlags, TimerSpec};
/// use std::{fs::File, io::Read, os::fd::AsRawFd, time::Duration};
///
/// let flags = CreateFlags::new().nonblocking(false);
/// let descriptor = RawTimer::create(Clock::Monotonic, flags)?;
/// RawTimer::find(descriptor.as_raw_fd())?.settime(&TimerSpec::after(Duration::from_millis(5)))?;
///
/// let mut count = [0; 8];
/// File::from(descriptor).read_exact(&mut count)?; // The file is closed here: the timer ends.
/// assert_eq!(u64::from_ne_bytes(count), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Orphaned timers
///
/// The library is not notified when the last descriptor is closed. Until the library notices it,
/// the library's own descriptor of the timer stays open. On Linux and Android, the timer thread
/// checks a timer whenever it expires. It checks all timers one second after the last one was
/// created, then at intervals that double up to 64 seconds. [`create`](RawTimer::create) checks all
/// timers when no descriptor is left, and otherwise once for every 16 timers plus a quarter of the
/// existing ones.
///
/// # Platforms
///
/// On Linux and Android, the pipe itself shows whether a read end is open, also in another process
/// or in a call that is still blocked. On other systems, the library searches the descriptors of
/// this process. The timer ends with the last of these descriptors. A reader that is still blocked,
/// or that is in another process, then gets end-of-file. Each timer takes three descriptors there.
///
/// A descriptor is identified by the device and inode numbers of its file (`st_dev`, `st_ino`). On
/// NetBSD, OpenBSD and older releases of DragonFly, pipes have no inode number. There the timer is
/// one of two connected sockets.
///
/// [`create`](RawTimer::create) starts the timer thread. If the thread cannot be started, `create`
/// succeeds, and [`settime`](RawTimer::settime) fails.
///
/// If a program closes descriptors that it has not opened, the timers of these descriptors end.
/// Calls on such a timer then fail with `EINVAL`. If another file has taken the number, the library
/// does not use that file. There is one exception: if a duplicate of a timer has taken the number
/// that the library reserves for refreshes, a forked child closes the duplicate.
///
/// A thread that has left its process's table of descriptors (`unshare(CLONE_FILES)`) must not
/// create such a timer: the timer thread has another table, and the timer never expires.
pub struct RawTimer {
    entry: Entry<SharedTimer>,
    fd: RawFd,
    identity: Identity,
}

impl RawTimer {
    /// Creates a disarmed timer, and returns its only descriptor, which has the lowest free number.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`](crate::Backend::open). `EOPNOTSUPP` if the system repeatedly
    /// gives two timers the same identity.
    pub fn create(clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
        check_clock(clock)?;
        let engine = engine()?;
        engine.registry.reclaim();
        match create(engine, clock, flags) {
            Err(e) if is_out_of_descriptors(&e) && engine.registry.sweep() => create(engine, clock, flags),
            // NetBSD can give two sockets the same inode number if two threads call `fstat` for the
            // first time at the same moment.
            Err(e) if e.raw_os_error() == Some(EOPNOTSUPP) => create(engine, clock, flags),
            created => created,
        }
    }

    /// Finds the timer of this descriptor.
    ///
    /// # Errors
    ///
    /// `EBADF` if the descriptor is not open. `EINVAL` if it does not belong to a timer that this
    /// process has created by [`create`](RawTimer::create). A timer that was created before a fork
    /// belongs to the parent.
    pub fn find(fd: RawFd) -> io::Result<RawTimer> {
        let identity = sys::fd::identity(fd)?;
        let engine = engine()?;
        let entry = engine.registry.find(identity).ok_or_else(|| os_error(EINVAL))?;
        Ok(RawTimer { entry, fd, identity })
    }

    /// Like [`Timer::replace`](crate::Timer::replace).
    ///
    /// # Errors
    ///
    /// The same, and `EBADF` if the descriptor was closed after the timer was found.
    pub fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.settime_with_past(new, 0)
    }

    /// Like [`settime`](RawTimer::settime), for a timer that has already expired `past` times
    /// before the initial expiration of `new`. The next count includes these expirations.
    ///
    /// A setting can thus begin before the zero of the timer's clock.
    ///
    /// # Errors
    ///
    /// Those of `settime`.
    pub fn settime_with_past(&self, new: &TimerSpec, past: u64) -> io::Result<TimerSpec> {
        let (timer, clock) = (&self.entry.timer, self.entry.clock);
        new.check_clock(clock)?;
        timer.check(clock, new)?;
        timer.apply(&mut *self.lock()?, clock, new, past)
    }

    /// Like [`Timer::get`](crate::Timer::get).
    ///
    /// # Errors
    ///
    /// The same, and `EBADF` if the descriptor was closed after the timer was found.
    pub fn gettime(&self) -> io::Result<TimerSpec> {
        self.entry.timer.query(&mut *self.lock()?)
    }

    /// Like [`Timer::read`](crate::Timer::read), except that it does not wait: returns `None` if
    /// there are no expirations and the descriptor is in blocking mode.
    ///
    /// # Errors
    ///
    /// The same, and `EBADF` if the descriptor was closed after the timer was found. `EAGAIN` if
    /// there are no expirations and the descriptor is in non-blocking mode.
    pub fn read(&self) -> io::Result<Option<u64>> {
        let timer = &self.entry.timer;
        let mut state = self.lock()?;
        let taken = state.try_read(timer.engine);
        timer.enqueue(&mut state);
        match taken {
            // The timer thread switches the mode for the length of a refresh, under the lock.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && !sys::fd::is_nonblocking(&self.fd)? => Ok(None),
            taken => taken.map(Some),
        }
    }

    /// The clock that the timer was created for.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.entry.clock
    }

    /// Locks the timer for a call by its descriptor, which other threads may close meanwhile.
    fn lock(&self) -> io::Result<ByFdCall<'_>> {
        let timer = &self.entry.timer;
        let mut state = timer.lock_settled();
        // The timer was found before, so it has ended meanwhile.
        let Some(pipe) = &mut state.pipe else { return Err(os_error(EBADF)) };
        if pipe.identity().ok() != Some(self.identity) {
            drop(state);
            timer.engine.registry.has_lost(timer, None);
            timer.lose();
            return Err(os_error(EINVAL));
        }
        pipe.set_by_fd_call(Some(self.fd));
        Ok(ByFdCall(state))
    }
}

/// The locked state during a call by a descriptor.
struct ByFdCall<'a>(MutexGuard<'a, TimerState>);

impl Deref for ByFdCall<'_> {
    type Target = TimerState;

    fn deref(&self) -> &TimerState {
        &self.0
    }
}

impl DerefMut for ByFdCall<'_> {
    fn deref_mut(&mut self) -> &mut TimerState {
        &mut self.0
    }
}

impl Drop for ByFdCall<'_> {
    fn drop(&mut self) {
        self.0.pipe.iter_mut().for_each(|pipe| pipe.set_by_fd_call(None));
    }
}

/// Makes one attempt to create a timer.
fn create(engine: &'static Engine<SharedTimer>, clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
    // First, so that the timer gets the lowest free number after it. Without a reserved number,
    // refreshes need a free one.
    let _ = reserve_number();
    let created = create_listed(engine, clock, flags);
    if created.is_ok() || !engine.registry.is_empty() {
        return created;
    }
    release_number();
    match created {
        Err(e) if is_out_of_descriptors(&e) => create_listed(engine, clock, flags),
        created => created,
    }
}

/// Creates a timer whose descriptors are listed for forked children, which close them.
fn create_listed(engine: &'static Engine<SharedTimer>, clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
    let listed = reserve()?;
    let created = create_with(engine, clock, flags, listed);
    if created.is_err() {
        listed.release();
    }
    created
}

fn create_with(
    engine: &'static Engine<SharedTimer>,
    clock: Clock,
    flags: CreateFlags,
    listed: &'static PipeEntry,
) -> io::Result<OwnedFd> {
    let (pipe, descriptor) = TimerPipe::fd_only(flags, listed)?;
    let identity = pipe.identity()?;
    let timer = Arc::new(SharedTimer::new(clock, flags, pipe, engine));
    let entry = Entry { timer: Arc::clone(&timer), clock, first: descriptor.as_raw_fd(), listed, has_ended: false };
    if !engine.register_fd_only(identity, entry) {
        FdOnly::close(&*timer);
        return Err(os_error(EOPNOTSUPP));
    }
    // The thread is needed for sweeps. If it cannot be started, `settime` returns the error.
    let _ = engine.start();
    Ok(descriptor)
}

impl SharedTimer {
    /// Processes a due fd-only timer.
    pub(super) fn process_fd_only(self: &Arc<Self>, state: MutexGuard<'_, TimerState>) {
        let Some(pipe) = &state.pipe else { return };
        if self.engine.registry.has_lost(self, pipe.identity().ok()) {
            drop(state);
            return self.lose();
        }
        self.refresh(state);
        let state = self.lock_settled();
        if let Some(identity) = identity_if_orphaned(&state) {
            drop(state);
            self.engine.registry.release(identity, self);
        }
    }
}

/// The identity of a timer whose pipe has refused a write because no descriptor is open.
fn identity_if_orphaned(state: &TimerState) -> Option<Identity> {
    const UNKNOWN: RawFd = -1;
    let pipe = state.pipe.as_ref().filter(|_| state.was_refused())?;
    if pipe.open_descriptors(UNKNOWN) == OpenDescriptors::None {
        pipe.identity().ok()
    } else {
        None
    }
}

impl FdOnly for SharedTimer {
    fn check(&self, first: RawFd) -> Option<(Option<Identity>, OpenDescriptors)> {
        let state = self.lock_unless_busy()?;
        let pipe = state.pipe.as_ref();
        let open = pipe.map_or(OpenDescriptors::None, |pipe| pipe.open_descriptors(first));
        Some((pipe.and_then(|pipe| pipe.identity().ok()), open))
    }

    fn close(&self) {
        drop(self.end());
    }

    fn lose(&self) {
        std::mem::forget(self.end());
    }
}

impl fmt::Debug for RawTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawTimer").field("fd", &self.fd).field("clock", &self.entry.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
