//! `UserspaceTimer`, and the locked state that it shares with the timer thread.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::options;
use super::queues::time;
use super::thread::{Engine, Process};
use crate::accuracy::Accuracy;
use crate::backends::emulation::pipe::TimerPipe;
use crate::backends::emulation::queue::TimerId;
use crate::backends::emulation::read::{self, LockedState};
use crate::backends::emulation::state::{subscribes, TimerState};
use crate::backends::sys;
use crate::backends::sys::error::{os_error, ESRCH};
use crate::backends::sys::fork::{generation, PerProcess};
use crate::backends::sys::sync::{self, Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use crate::inherent::inherent_methods;
use crate::pollable::Pollable;
use crate::spec::TimerSpec;
use crate::timer::Timer;

static ENGINE: PerProcess<Engine<SharedTimer>> = PerProcess::new();

/// The engine of all timers of this process.
pub(super) fn engine() -> io::Result<&'static Engine<SharedTimer>> {
    ENGINE.get_or_make(Engine::new)
}

/// Returns an error if there can be no timers of this clock.
pub(super) fn check_clock(clock: Clock) -> io::Result<()> {
    check_privilege(clock)?;
    sys::clock::now(clock).map(drop)
}

/// Returns an error if the caller has no privilege for timers of this clock.
#[inline]
fn check_privilege(clock: Clock) -> io::Result<()> {
    if clock.is_alarm() {
        sys::clock::may_wake_the_system()?;
    }
    Ok(())
}

/// A timer whose descriptor is the read end of a pipe.
///
/// One thread, the timer thread, writes to the pipes of all such timers of the process.
///
/// The first timer that is armed starts the thread. The thread ends one second after the last timer
/// is dropped. The thread's name is `timerfd`, and it blocks all signals except `SIGSYS`.
///
/// A raw `read(2)` of eight bytes returns the count as of the last
/// [refresh](Timer#refreshes-of-unread-counts). If expirations are missing from one count, the next
/// count includes them. [`read`](Timer::read) counts by the clock at the moment of the call. The
/// methods take locks, so a signal handler must not call them.
///
/// The attributes of the timer thread do not depend on the thread that arms the first timer, as far
/// as the system allows this:
///
/// | | Linux | macOS, the BSDs, illumos, Solaris | Android and others |
/// |---|---|---|---|
/// | policy and priority | `SCHED_OTHER`, 0 | `SCHED_OTHER`, 0 | those of the arming thread |
/// | CPUs | those of the main thread | those of the arming thread | those of the arming thread |
/// | nice value | that of the main thread | that of the arming thread | that of the arming thread |
///
/// A program can choose other attributes with [`ThreadOptions`](super::ThreadOptions).
/// [`start_thread`](super::start_thread) starts the thread early, from a thread of the program's
/// choice. Without privilege, Linux refuses some changes:
///
/// - It refuses a lower nice value than that of the arming thread. The timer thread then has the
///   arming thread's value.
/// - It refuses `SCHED_OTHER` if the arming thread has `SCHED_IDLE`. The timer thread then has all
///   attributes of the arming thread.
/// - It refuses the start of a thread if the arming thread has `SCHED_DEADLINE`. Arming the first
///   timer then fails with `ENOMEM`.
///
/// The stack has 128 KiB plus the size of static thread-local storage. Where memory is locked
/// (`mlockall`), the thread locks 144 KiB on x86-64 with glibc.
///
/// # Plugins
///
/// If this code is in a shared object, the first timer keeps that object loaded until the process
/// ends. A host can therefore `dlclose` a plugin at any time. The first timer takes the loader's
/// lock for this purpose. So an initializer of the plugin must not wait until another thread has
/// created the first timer. On Haiku and on systems that are not listed, a plugin that has used a
/// timer must not be unloaded.
///
/// # Platforms
///
/// A timer belongs to the process that created it.
///
/// - A forked child has no timer thread. In the child, [`set`](Timer::set) and [`get`](Timer::get)
///   of an inherited timer fail with `ESRCH`. A read competes with the parent's reads. When the
///   parent has ended, a read fails with `ESRCH`. Timers that the child creates work.
/// - The library does not detect a child that was created without the C library's `fork` (by
///   `vfork`, `_Fork` or a bare system call). Such a child must not use timers.
/// - If one thread creates the first timer of the process while another thread is forking, the
///   child may inherit a descriptor of the library. The reason is that the C library does not call
///   a handler that was registered after the fork had begun.
/// - A timer also belongs to the process's table of descriptors. A thread that has left this table
///   (`unshare(CLONE_FILES)`) must not create timers.
///
/// Absolute times of the wall clock, and times of [`Boottime`](Clock::Boottime), follow a change of
/// the clock or a suspend within 250 ms and the latency of a wake-up. If a method is called, they
/// follow at once. The thread wakes up four times a second while such a time is set, or while a
/// timer has the [`cancel_on_set`](TimerSpec::cancel_on_set) flag. Otherwise it wakes up only when
/// a timer is due.
pub struct UserspaceTimer {
    /// Closed after `drop` has ended the timer, whose pipe borrows this descriptor.
    reader: OwnedFd,
    clock: Clock,
    shared: Arc<SharedTimer>,
    generation: usize,
}

impl UserspaceTimer {
    /// Creates a disarmed timer.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::open`](crate::Backend::open).
    pub fn new(clock: Clock, flags: CreateFlags) -> io::Result<UserspaceTimer> {
        check_clock(clock)?;
        let engine = engine()?;
        options::fix();
        let generation = generation();
        let (pipe, reader) = TimerPipe::new(flags)?;
        let shared = Arc::new(SharedTimer::new(clock, flags, pipe, engine));
        Ok(UserspaceTimer { reader, clock, shared, generation })
    }

    /// Whether a parent process created the timer before a fork. Then its locks must not be used.
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

impl Timer for UserspaceTimer {
    #[inline]
    fn clock(&self) -> Clock {
        self.clock
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        clock.now()
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        new.check_clock(self.clock)?;
        self.shared()?.settime(self.clock, new)
    }

    fn get(&self) -> io::Result<TimerSpec> {
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

inherent_methods!(UserspaceTimer);

impl Drop for UserspaceTimer {
    fn drop(&mut self) {
        if self.is_inherited() {
            self.shared.close_inherited();
        } else {
            self.shared.close();
        }
    }
}

impl Pollable for UserspaceTimer {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
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

/// A timer, shared by its user and the timer thread.
pub(super) struct SharedTimer {
    id: TimerId,
    pub(super) engine: &'static Engine<SharedTimer>,
    state: Mutex<TimerState>,
}

impl SharedTimer {
    pub(super) fn new(
        clock: Clock,
        flags: CreateFlags,
        pipe: TimerPipe,
        engine: &'static Engine<SharedTimer>,
    ) -> SharedTimer {
        let default_accuracy = Accuracy::fix();
        let accuracy = flags.accuracy.unwrap_or(default_accuracy);
        let state = Mutex::new(TimerState::new(clock, accuracy, pipe));
        SharedTimer { id: engine.register(), engine, state }
    }

    /// Locks the state. A write may be in flight.
    pub(super) fn lock(&self) -> MutexGuard<'_, TimerState> {
        // No user code runs under this lock, so a panic cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the state, and waits for a write in flight.
    pub(super) fn lock_settled(&self) -> MutexGuard<'_, TimerState> {
        let mut state = self.lock();
        self.end_write(&mut state);
        state
    }

    /// Like [`lock_settled`](SharedTimer::lock_settled), except that it does not wait for a thread
    /// that holds the lock. A thread that calls the timer in a loop would nearly always get the
    /// lock first, and a preempted thread may hold it for long. The timer thread must not delay
    /// other timers for that.
    pub(super) fn lock_unless_busy(&self) -> Option<MutexGuard<'_, TimerState>> {
        let mut state = sync::lock_unless_busy(&self.state)?;
        self.end_write(&mut state);
        Some(state)
    }

    fn end_write(&self, state: &mut TimerState) {
        if state.is_in_flight() {
            state.end_write(self.engine.in_flight.wait(self.id));
        }
    }

    pub(super) fn settime(self: &Arc<Self>, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.check(clock, new)?;
        self.apply(&mut self.lock_settled(), clock, new, 0)
    }

    /// Checks the privilege that a setting needs, and starts the thread if the setting
    /// needs the thread.
    pub(super) fn check(&self, clock: Clock, new: &TimerSpec) -> io::Result<()> {
        check_privilege(clock)?;
        if new.is_armed() || subscribes(clock, new) {
            self.engine.start()?;
        }
        Ok(())
    }

    /// Applies a setting that was checked. The next count includes `past` earlier expirations.
    pub(super) fn apply(
        self: &Arc<Self>,
        state: &mut TimerState,
        clock: Clock,
        new: &TimerSpec,
        past: u64,
    ) -> io::Result<TimerSpec> {
        let was_subscriber = state.has_subscription();
        let previous = state.settime_with_past(self.engine, clock, new, past);
        match (was_subscriber, state.has_subscription()) {
            (false, true) => self.engine.subscribe(self.id, self),
            (true, false) => self.engine.unsubscribe(self.id),
            _ => {}
        }
        self.enqueue(state);
        previous
    }

    #[inline]
    pub(super) fn gettime(self: &Arc<Self>) -> io::Result<TimerSpec> {
        self.query(&mut self.lock_settled())
    }

    /// The setting of a locked timer, with the remaining time.
    #[inline]
    pub(super) fn query(self: &Arc<Self>, state: &mut TimerState) -> io::Result<TimerSpec> {
        let (setting, must_enqueue) = state.gettime(self.engine)?;
        if must_enqueue {
            self.enqueue(state);
        }
        Ok(setting)
    }

    pub(super) fn try_read(self: &Arc<Self>) -> io::Result<u64> {
        self.with_expirations(|state, engine| state.try_read(engine))
    }

    /// Enqueues the timer if the thread would process it too late.
    pub(super) fn enqueue(self: &Arc<Self>, state: &mut TimerState) {
        let queued = state.queued();
        let Some((key, due)) = state.due() else {
            // If the timer stayed in the queue of another clock, it would wake the thread four
            // times a second.
            if queued.is_some_and(|(key, _)| key.clock != Clock::Monotonic) {
                state.set_queued(None);
                self.engine.dequeue(self.id);
            }
            return;
        };
        // A timer that is set to a later time stays in the queue. The thread finds the timer before
        // it is due, and enqueues it again. So re-arming takes no other lock.
        if !queued.is_some_and(|(queue, at)| queue.serves(key) && at <= due) {
            state.set_queued(Some((key, due)));
            self.engine.enqueue(self.id, (key, due), self);
        }
    }

    /// Ends the timer, in a call of its user.
    pub(super) fn close(&self) {
        drop(self.end());
        self.engine.free_returned();
    }

    /// Ends the timer in a forked child. A thread that is not in the child may hold the lock.
    pub(super) fn close_inherited(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            drop(state.close());
        }
    }

    /// Ends the timer, and returns its pipe. `None` if it was ended before.
    pub(super) fn end(&self) -> Option<TimerPipe> {
        let mut state = self.lock_settled();
        // A write may still run whose message was already read. Its descriptor must not be closed.
        self.engine.in_flight.wait(self.id);
        let pipe = state.close()?;
        state.set_queued(None);
        drop(state);
        self.engine.unregister(self.id);
        Some(pipe)
    }
}

impl LockedState for Arc<SharedTimer> {
    type Clocks = Engine<SharedTimer>;

    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&mut TimerState, &Engine<SharedTimer>) -> R) -> R {
        let mut state = self.lock_settled();
        let result = operation(&mut state, self.engine);
        self.enqueue(&mut state);
        result
    }

    #[inline]
    fn with_expirations<R>(&self, operation: impl FnOnce(&mut TimerState, &Engine<SharedTimer>) -> R) -> R {
        let mut state = self.lock();
        if state.is_in_flight() && !state.take_in_flight() {
            self.end_write(&mut state);
        }
        let result = operation(&mut state, self.engine);
        self.enqueue(&mut state);
        result
    }
}

impl Process for SharedTimer {
    fn process(self: &Arc<Self>, due: u64) -> bool {
        let Some(mut state) = self.lock_unless_busy() else { return false };
        if state.queued().is_some_and(|(_, at)| at == due) {
            state.set_queued(None);
        }
        if state.pipe.as_ref().is_some_and(TimerPipe::is_fd_only) {
            self.process_fd_only(state);
        } else {
            self.refresh(state);
        }
        true
    }

    fn process_clock_change(self: &Arc<Self>, changes: u64) -> bool {
        let Some(mut state) = self.lock_unless_busy() else { return false };
        state.signal_changes(changes, self.engine);
        self.enqueue(&mut state);
        true
    }
}

impl SharedTimer {
    /// Writes the expirations up to now. The pipe of an owned timer is written to after the state
    /// is unlocked.
    pub(super) fn refresh(self: &Arc<Self>, mut state: MutexGuard<'_, TimerState>) {
        let now = time(state.clock);
        let write = state.begin_refresh(now);
        self.enqueue(&mut state);
        let Some(write) = write else { return };
        let in_flight = self.engine.in_flight.lock();
        drop(state);
        if !in_flight.run(self.id, &write) {
            self.with(|_, _| ());
        }
    }
}

#[cfg(test)]
#[path = "timer_tests.rs"]
mod tests;
