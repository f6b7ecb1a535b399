//! A simulated machine: its clocks, and the timers on them in the order in which they are due.

use std::collections::BTreeMap;

use super::times::Times;
use crate::accuracy::Accuracy;
use crate::backends::emulation::clock_change::Clocks;
use crate::backends::emulation::pipe::TimerPipe;
use crate::backends::emulation::queue::{QueueEntry, Queues, TimerId};
use crate::backends::emulation::schedule::{QueueKey, Urgency, CLOCKS};
use crate::backends::emulation::state::TimerState;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;

/// A timer's state, which is used only while the machine is locked.
pub(super) type Timer = Arc<Mutex<TimerState>>;

pub(super) struct Machine {
    pub(super) times: Times,
    /// How late the test handles each expiration.
    pub(super) latency: u64,
    /// One queue for each clock.
    queues: Queues<(), (), { CLOCKS.len() }>,
    timers: BTreeMap<TimerId, Entry>,
}

struct Entry {
    /// The clock that the timer was created for.
    clock: Clock,
    timer: Timer,
    /// The number of threads that wait for the timer, except those that are blocked in `read`.
    waiting: usize,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No user code runs under these locks, so a panic cannot leave the data inconsistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    pub(super) fn new() -> Machine {
        Machine { times: Times::START, latency: 0, queues: Queues::new(), timers: BTreeMap::new() }
    }

    /// Adds a disarmed timer.
    pub(super) fn add(&mut self, clock: Clock, pipe: TimerPipe) -> (TimerId, Timer) {
        // No thread wakes up for the timer, so every mode is exact.
        let timer = Arc::new(Mutex::new(TimerState::new(clock, Accuracy::Economical, pipe)));
        let id = self.queues.register();
        self.timers.insert(id, Entry { clock, timer: Arc::clone(&timer), waiting: 0 });
        (id, timer)
    }

    /// Ends a timer.
    pub(super) fn remove(&mut self, id: TimerId) {
        let Some(Entry { timer, .. }) = self.timers.remove(&id) else { return };
        drop(self.with(id, &timer, |state, _| state.close()));
        self.queues.unregister(id);
    }

    /// Calls `operation` with a timer's state, and then enqueues the timer if necessary.
    pub(super) fn with<R>(
        &mut self,
        id: TimerId,
        timer: &Timer,
        operation: impl FnOnce(&mut TimerState, &Times) -> R,
    ) -> R {
        let mut state = lock(timer);
        let result = operation(&mut state, &self.times);
        self.enqueue(id, &mut state);
        result
    }

    /// Enqueues a timer for its next expiration.
    fn enqueue(&mut self, id: TimerId, state: &mut TimerState) {
        let key = QueueKey { clock: state.clock, urgency: Urgency::Economical };
        let queued = state.next_expiration(self.times.now(key.clock)).map(|due| (key, due));
        if queued == state.queued() {
            return;
        }
        state.set_queued(queued);
        match queued {
            Some((key, due)) => self.queues.enqueue(id, key.indices().0, due),
            None => self.queues.dequeue(id),
        }
    }

    /// The time until the next expiration on any clock.
    pub(super) fn until_next(&mut self) -> Option<u64> {
        loop {
            let (until, id) = self.first()?;
            let timer = Arc::clone(&self.timers.get(&id)?.timer);
            // Expirations that would be rolled back may have been consumed by a raw `read(2)`
            // since.
            self.with(id, &timer, |_, _| ());
            if self.first() == Some((until, id)) {
                return Some(until);
            }
        }
    }

    /// The timer that is due first on any clock, and the time until then.
    fn first(&self) -> Option<(u64, TimerId)> {
        let firsts = CLOCKS.iter().enumerate().filter_map(|(queue, &clock)| {
            let QueueEntry { due, id } = self.queues.first(queue)?;
            Some((due.saturating_sub(self.times.now(clock)), id))
        });
        firsts.min()
    }

    /// Whether there are unread expirations.
    pub(super) fn has_unread(&self) -> bool {
        self.timers.values().any(|entry| lock(&entry.timer).has_unread())
    }

    /// Records whether a thread waits for a timer, before and after a call.
    pub(super) fn count_waiting(&mut self, id: TimerId, before: bool, after: bool) {
        if let Some(entry) = self.timers.get_mut(&id) {
            entry.waiting = entry.waiting + usize::from(after) - usize::from(before);
        }
    }

    /// The number of threads that wait for timers without unread expirations.
    pub(super) fn waiting(&self) -> usize {
        let waiting = |entry: &Entry| {
            let state = lock(&entry.timer);
            if state.has_unread() {
                0
            } else {
                entry.waiting + state.blocked_readers()
            }
        };
        self.timers.values().map(waiting).sum()
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.times.advance(by);
        self.process_due();
    }

    pub(super) fn set_realtime(&mut self, time: u64) {
        self.times.set_realtime(time);
        self.signal_clock_change();
    }

    /// Suspends the machine for `by`, or until an alarm expires. Returns the suspended time.
    pub(super) fn suspend(&mut self, by: u64) -> u64 {
        let until = |entry: &Entry| {
            let state = lock(&entry.timer);
            let now = self.times.now(state.clock);
            state.alarm(now).map(|due| due.saturating_sub(now))
        };
        let alarms = self.timers.values().filter(|entry| entry.clock.is_alarm());
        let asleep = alarms.filter_map(until).min().map_or(by, |alarm| alarm.min(by));
        let before = self.times.now(Clock::Boottime);
        self.times.suspend(asleep);
        self.signal_clock_change();
        self.times.now(Clock::Boottime) - before
    }

    /// Signals a clock change to the timers that subscribe to it, and then processes due timers.
    fn signal_clock_change(&mut self) {
        let timers: Vec<_> = self.timers.iter().map(|(&id, entry)| (id, Arc::clone(&entry.timer))).collect();
        for (id, timer) in timers {
            self.with(id, &timer, |state, times| state.signal_clock_change(times));
        }
        self.process_due();
    }

    /// Makes the descriptors of all due timers readable.
    fn process_due(&mut self) {
        let mut due = Vec::new();
        for (queue, clock) in CLOCKS.into_iter().enumerate() {
            let now = self.times.now(clock);
            due.extend(std::iter::from_fn(|| self.queues.pop_due(queue, now)));
        }
        // Each timer is processed once. A timer whose pipe refuses the write is due again.
        for QueueEntry { id, .. } in due {
            let Some(timer) = self.timers.get(&id).map(|entry| Arc::clone(&entry.timer)) else { continue };
            self.with(id, &timer, |state, times| {
                state.set_queued(None);
                state.refresh(times.now(state.clock));
            });
        }
    }
}
