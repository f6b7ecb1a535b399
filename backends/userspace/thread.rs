//! The engine of the timers of one process, and its timer thread.
//!
//! The lock order is: a timer's state, the queues, the registry of fd-only timers. The write in
//! flight, the detector of clock changes and the parker are locked last. There is one write in
//! flight per engine. The thread takes due timers from the queues, unlocks the queues, and
//! processes one timer after another ([`Process`], in `timer.rs`). Before it spins for a timer, it
//! processes that timer once, because the timer may have been re-armed or disarmed. No lock is held
//! across a call that blocks: a drain of the pipe never waits, and the pipe is never full.
//!
//! A call wakes the thread only if the timer is now first in its queue, and the thread would wait
//! past its time minus the wake-ahead. The wake flag is a channel with one slot. The thread does
//! not sleep in the channel, but at a [`Parker`], for two reasons. Waking a thread that waits in a
//! channel needs thread-local values, which are gone in the last destructors of a thread. And
//! waiting there allocates on a thread that std did not start.
//!
//! The thread starts when the first timer is armed or subscribes to clock changes, when an fd-only
//! timer is created, or when the program calls `start_thread`. It stays while any timer exists, so
//! that arming a timer again cannot fail for want of a thread. It ends a second after the last
//! timer is dropped.

use std::io;
use std::time::Duration;

use super::cpu_budget::Sample;
use super::fd_only::registry::{Entry, FdOnly, Registry};
use super::options;
use super::queues::{time, Batch, Reason, TimerQueues, Wait, ANY_TIMES};
use crate::backends::emulation::clock_change::{ClockChangeDetector, Clocks};
use crate::backends::emulation::pipe::PipeWrite;
use crate::backends::emulation::queue::TimerId;
use crate::backends::emulation::schedule::{nanos, QueueKey, Urgency, NEVER};
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EBUSY};
use crate::backends::sys::fd::Identity;
use crate::backends::sys::short_lived::release_number;
use crate::backends::sys::sync::{
    self, Arc, AtomicBool, Event, Instant, Mutex, MutexGuard, Ordering, Parker, PoisonError, Receiver, Sender,
};
use crate::backends::sys::thread_options::ThreadOptions;
use crate::clock::Clock;

/// A timer, as the thread sees it.
pub(super) trait Process: FdOnly + Send + Sync + 'static {
    /// Processes a timer that was in a queue and due at this time. Returns `false`, and does
    /// nothing, if another thread holds its lock.
    fn process(self: &Arc<Self>, due: u64) -> bool;
    /// Signals a clock change after this number of changes, unless it was signalled. Returns
    /// `false`, and does nothing, if another thread holds its lock.
    fn process_clock_change(self: &Arc<Self>, changes: u64) -> bool;
}

/// The timer thread, and all timers that it processes.
pub(super) struct Engine<T> {
    queues: Mutex<TimerQueues<T>>,
    /// Tells the thread to plan its wait again.
    wake: Sender<()>,
    woken: Receiver<()>,
    /// Where the thread sleeps.
    parker: Parker,
    /// Held while the thread is being started.
    starting: Mutex<()>,
    /// Set once the thread has made the calls that only a new thread makes.
    has_begun: Event,
    /// Becomes false only while the queues are locked and no timer is registered.
    is_running: AtomicBool,
    /// Whether the last start of the thread has failed. Changes only while `starting` is locked.
    is_refused: AtomicBool,
    /// Whether the thread stays when no timer is registered.
    stays: AtomicBool,
    clock_changes: Mutex<ClockChangeDetector>,
    pub(super) in_flight: InFlight,
    pub(super) registry: Registry<T>,
}

// What callers do.
impl<T: Process> Engine<T> {
    pub(super) fn new() -> Engine<T> {
        let (wake, woken) = sync::bounded(1);
        Engine {
            queues: Mutex::new(TimerQueues::new()),
            wake,
            woken,
            parker: Parker::new(),
            starting: Mutex::new(()),
            has_begun: Event::new(),
            is_running: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
            stays: AtomicBool::new(false),
            clock_changes: Mutex::default(),
            in_flight: InFlight::default(),
            registry: Registry::new(),
        }
    }

    fn lock_queues(&self) -> MutexGuard<'_, TimerQueues<T>> {
        // No user code runs under this lock, so a panic cannot leave the queues inconsistent.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, unless it runs.
    pub(super) fn start(&'static self) -> io::Result<()> {
        if self.is_running.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_running.load(Ordering::Relaxed) {
            self.has_begun.set(false);
            let started = sys::thread::spawn(self, options::fix());
            self.is_refused.store(started.is_err(), Ordering::Relaxed);
            started?;
            self.is_running.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Replaces the options of the thread if its last start has failed. Otherwise returns `EBUSY`.
    pub(super) fn replace_refused_options(&self, options: ThreadOptions) -> io::Result<()> {
        // No start uses the options meanwhile.
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_refused.swap(false, Ordering::Relaxed) {
            return Err(os_error(EBUSY));
        }
        options::replace(options);
        Ok(())
    }

    /// Starts the thread, unless it runs, and waits until it has begun. The thread never ends.
    pub(super) fn start_for_good(&'static self) -> io::Result<()> {
        let id = (!self.stays.swap(true, Ordering::Relaxed)).then(|| self.register());
        let started = self.start();
        match (&started, id) {
            (Ok(()), _) => self.has_begun.wait(),
            (Err(_), Some(id)) => {
                self.unregister(id);
                self.stays.store(false, Ordering::Relaxed);
            }
            (Err(_), None) => {}
        }
        started
    }

    pub(super) fn register(&self) -> TimerId {
        self.free_returned();
        self.lock_queues().register()
    }

    /// Unregisters a timer. The thread ends some time after the last one.
    pub(super) fn unregister(&self, id: TimerId) {
        let mut queues = self.lock_queues();
        let timer = queues.unregister(id);
        if queues.thread_end().is_some_and(|end| end < queues.waits_until) {
            self.wake(queues);
        } else {
            drop(queues);
        }
        drop(timer);
    }

    /// Drops the references that the thread has returned, with the queues unlocked. The thread must
    /// not call this, since it must not free memory.
    pub(super) fn free_returned(&self) {
        while let Some(timer) = { self.lock_queues().take_returned() } {
            drop(timer);
        }
    }

    /// Moves a timer to this queue, and wakes the thread if it would sleep for too long.
    pub(super) fn enqueue(&self, id: TimerId, (key, due): (QueueKey, u64), timer: &Arc<T>) {
        let mut queues = self.lock_queues();
        if queues.enqueue(id, (key, due), timer) && queues.waits_past(key, due) {
            self.wake(queues);
        }
    }

    pub(super) fn dequeue(&self, id: TimerId) {
        self.lock_queues().dequeue(id);
    }

    /// Subscribes a timer to clock changes.
    pub(super) fn subscribe(&self, id: TimerId, timer: &Arc<T>) {
        let mut queues = self.lock_queues();
        let is_first = !queues.has_subscribers();
        queues.subscribe(id, timer);
        if is_first && queues.waits_until > 0 {
            self.wake(queues);
        }
    }

    pub(super) fn unsubscribe(&self, id: TimerId) {
        self.lock_queues().unsubscribe(id);
    }

    /// Registers an fd-only timer by its identity. Returns `false` if there is one of that
    /// identity.
    pub(super) fn register_fd_only(&self, identity: Identity, entry: Entry<T>) -> bool {
        let is_new = self.registry.insert(identity, entry);
        let mut queues = self.lock_queues();
        queues.sweeps.begin(time(Clock::Monotonic));
        if queues.sweeps.next().is_some_and(|next| next < queues.waits_until) {
            self.wake(queues);
        }
        is_new
    }

    /// Wakes the thread, once until it waits again.
    fn wake(&self, mut queues: MutexGuard<'_, TimerQueues<T>>) {
        queues.waits_until = 0;
        drop(queues);
        // If the channel is full, the thread is already woken. No thread ever waits in the channel,
        // so this works in the last destructors of a thread, where thread-local values are gone.
        let _ = self.wake.try_send(());
        self.parker.unpark();
    }
}

// What the thread does.
impl<T: Process> Engine<T> {
    /// The body of the thread. It neither allocates nor frees memory, except where it searches for
    /// descriptors: see [`TimerQueues`].
    fn run(&self) {
        self.has_begun.set(true);
        let mut batch = Batch::new();
        let mut clock_changes = None;
        while let Some(sample) = self.wait(&mut batch) {
            let (has_subscribers, must_sweep) = self.process_due(sample, &mut batch);
            if has_subscribers {
                self.process_clock_changes(&mut clock_changes, &mut batch);
            }
            if must_sweep {
                let found = self.registry.sweep();
                let mut queues = self.lock_queues();
                // Under the lock, so that a timer that is created meanwhile begins the sweeps
                // again.
                let is_empty = self.registry.is_empty();
                queues.sweeps.end(found, is_empty, time(Clock::Monotonic));
            }
        }
        if self.registry.is_empty() {
            release_number();
        }
    }

    /// Processes the timers that are due. Returns whether any timer subscribes to clock changes,
    /// and whether it is time for a sweep. From here to the next wait, no caller need wake the
    /// thread.
    fn process_due(&self, sample: Sample, batch: &mut Batch<T>) -> (bool, bool) {
        let mut queues = self.lock_queues();
        queues.waits_until = 0;
        queues.wake_ahead.add(sample);
        // Timers that become due meanwhile are processed in the next pass, so that this one ends.
        let mut times = ANY_TIMES;
        loop {
            queues.take_due(&mut times, batch);
            if batch.is_empty() {
                break;
            }
            queues = self.process(queues, batch);
        }
        queues.take_unread(&times, batch);
        if !batch.is_empty() {
            queues = self.refresh(queues, batch);
        }
        let now = time(Clock::Monotonic);
        loop {
            queues.take_busy(now, batch);
            if batch.is_empty() {
                break;
            }
            queues = self.process(queues, batch);
        }
        (queues.has_subscribers(), queues.sweeps.next().is_some_and(|next| next <= now))
    }

    /// Processes timers that have stayed unread for long, within the budget.
    fn refresh<'a>(
        &'a self,
        queues: MutexGuard<'a, TimerQueues<T>>,
        batch: &mut Batch<T>,
    ) -> MutexGuard<'a, TimerQueues<T>> {
        let (before, size) = (sys::clock::thread_cpu_time(), batch.len());
        let mut queues = self.process(queues, batch);
        let cpu_time = sys::clock::thread_cpu_time().saturating_sub(before);
        queues.refresh_budget.spend(time(Clock::Monotonic), size, cpu_time, sys::clock::refresh_pause());
        queues
    }

    /// Processes a batch while the queues are unlocked, and puts the timers back.
    fn process<'a>(
        &'a self,
        queues: MutexGuard<'a, TimerQueues<T>>,
        batch: &mut Batch<T>,
    ) -> MutexGuard<'a, TimerQueues<T>> {
        drop(queues);
        for (reason, timer) in batch.iter_mut() {
            match *reason {
                Reason::Due(due) if !timer.process(due) => *reason = Reason::Busy(due),
                Reason::ClockChange(changes) if !timer.process_clock_change(changes) => {
                    *reason = Reason::MissedClockChange;
                }
                _ => {}
            }
        }
        let mut queues = self.lock_queues();
        queues.put_back(batch);
        queues
    }

    /// Processes all subscribers if there were clock changes after the `known` number. If a busy
    /// timer misses one, all are processed again after the next wait.
    fn process_clock_changes(&self, known: &mut Option<u64>, batch: &mut Batch<T>) {
        // A caller that is interrupted while it reads the clocks must not delay the thread.
        let Some(mut detector) = sync::lock_unless_busy(&self.clock_changes) else { return };
        let changes = detect(&mut detector);
        drop(detector);
        if known.replace(changes) == Some(changes) {
            return;
        }
        let mut queues = self.lock_queues();
        let mut number = queues.take_subscribers(0, changes, batch);
        while !batch.is_empty() {
            queues = self.process(queues, batch);
            number = queues.take_subscribers(number, changes, batch);
        }
        if queues.take_missed_clock_change() {
            *known = None;
        }
    }

    /// Waits until a timer is due or a caller wakes the thread. Returns a measurement of the wait,
    /// or `None` if the thread must end.
    fn wait(&self, batch: &mut Batch<T>) -> Option<Sample> {
        let (wait, until, began_at, began) = self.plan_wait(batch)?;
        let length = Duration::from_nanos(until.saturating_sub(began));
        let deadline = (until < NEVER).then(|| began_at.checked_add(length)).flatten();
        let is_woken = self.wait_until(wait, deadline);
        let now = time(Clock::Monotonic);
        Some(match wait {
            Wait::Sleep if !is_woken && until > began => Sample::Latency(now.saturating_sub(until)),
            Wait::Spin(QueueKey { urgency: Urgency::Adaptive, .. }, _) => Sample::Spin(now.saturating_sub(began)),
            _ => Sample::Nothing,
        })
    }

    /// Plans the wait: how, until when, and the time now by both clocks of the thread. Returns
    /// `None` if the thread must end.
    fn plan_wait(&self, batch: &mut Batch<T>) -> Option<(Wait, u64, Instant, u64)> {
        let mut checked = None;
        let mut queues = self.lock_queues();
        loop {
            let now_at = Instant::now();
            let now = time(Clock::Monotonic);
            if queues.thread_end().is_some_and(|end| end <= now) {
                // Under the lock, so that a caller that comes later starts a new thread.
                self.is_running.store(false, Ordering::Relaxed);
                return None;
            }
            let (wait, until) = queues.plan_wait(now);
            match wait {
                // The timer may have been set to a later time, or disarmed, after it was enqueued.
                Wait::Spin(key, entry) if until > now && checked != Some((key, entry)) => {
                    queues.waits_until = 0;
                    queues.take_early(entry, batch);
                    queues = self.process(queues, batch);
                    checked = Some((key, entry));
                }
                _ => return Some((wait, until, now_at, now)),
            }
        }
    }

    /// Waits until a caller wakes the thread (`true`), or until the deadline.
    fn wait_until(&self, wait: Wait, deadline: Option<Instant>) -> bool {
        while self.woken.try_recv().is_err() {
            let is_early = match wait {
                Wait::Sleep => self.parker.park(deadline),
                Wait::Spin(..) => sync::spin(deadline),
            };
            if !is_early {
                return false;
            }
        }
        true
    }
}

impl<T: Process> sys::thread::Body for Engine<T> {
    fn run(&'static self) {
        Engine::run(self);
    }
}

impl<T: Process> Clocks for Engine<T> {
    #[inline]
    fn now(&self, clock: Clock) -> u64 {
        sys::clock::now(clock).map_or(0, nanos)
    }

    fn changes(&self) -> u64 {
        detect(&mut self.clock_changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads the clocks. Returns the number of clock changes so far.
fn detect(detector: &mut ClockChangeDetector) -> u64 {
    detector.add(sys::clock::wall_offset(), sys::clock::max_slew_ppm())
}

/// The write in flight: the timer thread unlocks a timer before it writes to the timer's pipe.
///
/// The write may wake a reader on the timer thread's CPU and preempt the thread. If the thread
/// still held the timer's lock, that reader would block at once.
///
/// The lock is held during a write. It holds the count that a pipe has refused, and whose
/// count that is.
#[derive(Default)]
pub(super) struct InFlight(Mutex<Option<(TimerId, u64)>>);

/// The lock during one write.
pub(super) struct InFlightGuard<'a>(MutexGuard<'a, Option<(TimerId, u64)>>);

impl InFlight {
    /// Locks for a write. The caller unlocks the timer's state afterwards, and then runs the write.
    pub(super) fn lock(&self) -> InFlightGuard<'_> {
        InFlightGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until no write is in flight. Returns the count of this timer that its pipe has
    /// refused, if there is one.
    pub(super) fn wait(&self, timer: TimerId) -> Option<u64> {
        let mut refused = self.lock().0;
        match *refused {
            Some((of, count)) if of == timer => {
                *refused = None;
                Some(count)
            }
            _ => None,
        }
    }
}

impl InFlightGuard<'_> {
    /// Runs the write of this timer. Returns whether the pipe has taken it.
    pub(super) fn run(mut self, timer: TimerId, write: &PipeWrite) -> bool {
        let is_written = write.run().is_ok();
        if !is_written {
            *self.0 = Some((timer, write.count));
        }
        is_written
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
