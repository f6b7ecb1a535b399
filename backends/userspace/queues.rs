//! The timers that the timer thread must process, and when: a queue for each clock and urgency.
//!
//! Each clock has queues of its own, in its own time, so that a clock change changes no order.
//! While a timer depends on another clock than the monotonic one, or subscribes to clock changes,
//! the thread sleeps for 250 ms at most.
//!
//! A busy timer delays no other. If another thread holds a timer's lock, the timer thread tries for
//! about a microsecond, puts the timer into a queue of busy timers, and tries again later.
//! Otherwise a thread that calls in a loop would get the lock first almost every time.

use super::cpu_budget::{RefreshBudget, SweepTimes, WakeAhead, REFRESH_BATCH};
use crate::backends::emulation::queue::{QueueEntry, Queues, TimerId};
use crate::backends::emulation::schedule::{nanos, QueueKey, Urgency, CLOCKS, NEVER};
use crate::backends::sys;
use crate::backends::sys::sync::Arc;
use crate::clock::Clock;

/// The longest sleep while a timer depends on a clock other than the one that the thread sleeps by.
/// Such a clock can be set, and the thread is not notified.
pub(super) const MAX_BLIND_SLEEP: u64 = 250_000_000;

/// How long, in nanoseconds, the thread stays after the last timer is unregistered.
const LINGER: u64 = 1_000_000_000;

/// The pauses, in nanoseconds, before the thread tries again to lock busy timers: at first, then
/// twice as long each time, and at last.
const MIN_BUSY_PAUSE: u64 = 50_000;
const MAX_BUSY_PAUSE: u64 = 2_000_000;

/// The queues by clock and urgency; two queues of busy timers; and the queue of unregistered timers
/// that the thread has returned.
const QUEUES: usize = CLOCKS.len() * Urgency::ALL.len() + 3;
const BUSY: [usize; 2] = [QUEUES - 3, QUEUES - 2];
const RETURNED: usize = QUEUES - 1;

/// All timers, and when each is due.
///
/// The thread takes timers in batches and returns them. It never drops the last reference to a
/// timer, so it neither allocates nor frees memory. If it did, even once, glibc would give it a
/// malloc arena: 64 MiB of address space, which `mlockall(MCL_FUTURE)` counts as locked memory.
pub(super) struct TimerQueues<T> {
    timers: Queues<Arc<T>, Flags, QUEUES>,
    /// The number of timers that subscribe to clock changes.
    subscribers: usize,
    registered: usize,
    /// When the last timer was unregistered.
    idle_since: u64,
    /// When the thread sweeps the fd-only timers.
    pub(super) sweeps: SweepTimes,
    pub(super) refresh_budget: RefreshBudget,
    /// When the thread tries the busy timers again, and the pause before that.
    busy_until: u64,
    busy_pause: u64,
    /// Which queue has the busy timers that are left to try in this round. The other one has those
    /// of the next round.
    busy_round: usize,
    /// Whether a busy timer has missed a clock change.
    missed_clock_change: bool,
    pub(super) wake_ahead: WakeAhead,
    /// When the wait of the thread ends, by the monotonic clock; 0 while it works.
    pub(super) waits_until: u64,
    /// Whether it spins. Then it needs no wake-ahead.
    is_spinning: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    owner: Owner,
    is_subscriber: bool,
}

/// The owner of the queues' reference to a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Owner {
    /// The queues, once the timer has been in one.
    #[default]
    Queues,
    /// The thread, which has taken the timer.
    Thread,
    /// The thread, and the timer is unregistered.
    ThreadAlone,
}

/// How the thread waits for the next expiration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Sleep,
    /// For the timer with this entry, which is nearly due.
    Spin(QueueKey, QueueEntry),
}

/// For each clock, the time up to which timers are due in one pass of the thread.
pub(super) type Times = [u64; CLOCKS.len()];

/// The times before the first call of [`TimerQueues::take_due`] in a pass, which sets them.
pub(super) const ANY_TIMES: Times = [u64::MAX; CLOCKS.len()];

impl<T> TimerQueues<T> {
    pub(super) fn new() -> TimerQueues<T> {
        TimerQueues {
            timers: Queues::new(),
            subscribers: 0,
            registered: 0,
            idle_since: 0,
            sweeps: SweepTimes::NEVER,
            refresh_budget: RefreshBudget::default(),
            busy_until: 0,
            busy_pause: MIN_BUSY_PAUSE,
            busy_round: 0,
            missed_clock_change: false,
            wake_ahead: WakeAhead::new(),
            waits_until: 0,
            is_spinning: false,
        }
    }

    pub(super) fn register(&mut self) -> TimerId {
        self.registered += 1;
        self.timers.register()
    }

    /// Unregisters a timer, and returns the reference to it, unless the thread has taken it.
    pub(super) fn unregister(&mut self, id: TimerId) -> Option<Arc<T>> {
        self.registered -= 1;
        if self.registered == 0 {
            self.idle_since = time(Clock::Monotonic);
        }
        let flags = self.timers.flags(id);
        self.subscribers -= usize::from(std::mem::take(&mut flags.is_subscriber));
        if flags.owner == Owner::Thread {
            flags.owner = Owner::ThreadAlone;
            self.timers.dequeue(id);
            return None;
        }
        self.timers.unregister(id)
    }

    /// Takes a timer that was unregistered while the thread had it. The caller drops it after it
    /// has unlocked the queues.
    pub(super) fn take_returned(&mut self) -> Option<Arc<T>> {
        let entry = self.timers.pop_due(RETURNED, u64::MAX)?;
        self.timers.unregister(entry.id)
    }

    /// When the thread ends, if no timer is registered. It lingers, because starting a thread for
    /// each of many short-lived timers would cost more.
    pub(super) fn thread_end(&self) -> Option<u64> {
        (self.registered == 0).then(|| self.idle_since.saturating_add(LINGER))
    }

    /// Moves a timer to this queue. Returns whether it is the first one there.
    pub(super) fn enqueue(&mut self, id: TimerId, (key, due): (QueueKey, u64), timer: &Arc<T>) -> bool {
        self.store(id, timer);
        let queue = index(key);
        self.timers.enqueue(id, queue, due);
        self.timers.first(queue) == Some(QueueEntry { due, id })
    }

    pub(super) fn dequeue(&mut self, id: TimerId) {
        self.timers.dequeue(id);
    }

    pub(super) fn subscribe(&mut self, id: TimerId, timer: &Arc<T>) {
        self.store(id, timer);
        self.subscribers += usize::from(!std::mem::replace(&mut self.timers.flags(id).is_subscriber, true));
    }

    pub(super) fn unsubscribe(&mut self, id: TimerId) {
        self.subscribers -= usize::from(std::mem::take(&mut self.timers.flags(id).is_subscriber));
    }

    pub(super) fn has_subscribers(&self) -> bool {
        self.subscribers > 0
    }

    /// Stores a reference to the timer, unless there is one.
    fn store(&mut self, id: TimerId, timer: &Arc<T>) {
        if self.timers.flags(id).owner == Owner::Queues {
            self.timers.value(id).get_or_insert_with(|| Arc::clone(timer));
        }
    }

    /// Plans the next wait of the thread: how it waits, and until when.
    pub(super) fn plan_wait(&mut self, now: u64) -> (Wait, u64) {
        self.wake_ahead.accumulate(now);
        let firsts = Urgency::ALL.map(|urgency| self.first(urgency, now));
        let is_near = |&(due, key, _): &(u64, QueueKey, _)| due.saturating_sub(self.wake_ahead.of(key.urgency)) <= now;
        let (wait, until) = match firsts.into_iter().rev().flatten().find(is_near) {
            Some((due, key, entry)) => {
                let first_of_all = firsts.into_iter().flatten().map(|(due, ..)| due).min();
                (Wait::Spin(key, entry), first_of_all.unwrap_or(due))
            }
            None => (Wait::Sleep, self.wake_up(firsts.into_iter().flatten(), now)),
        };
        (self.is_spinning, self.waits_until) = (wait != Wait::Sleep, until);
        (wait, until)
    }

    /// The first timer of this urgency on any clock, and when the thread processes it, by the
    /// monotonic clock.
    fn first(&self, urgency: Urgency, now: u64) -> Option<(u64, QueueKey, QueueEntry)> {
        let first_on = |clock| {
            let key = QueueKey { clock, urgency };
            let entry = self.timers.first(index(key))?;
            Some((self.process_time(key, entry.due, || now), key, entry))
        };
        CLOCKS.into_iter().filter_map(first_on).min_by_key(|&(due, ..)| due)
    }

    /// When a sleeping thread must wake up.
    fn wake_up(&self, firsts: impl Iterator<Item = (u64, QueueKey, QueueEntry)>, now: u64) -> u64 {
        let expirations = firsts.map(|(due, key, _)| due.saturating_sub(self.wake_ahead.of(key.urgency)));
        let blind = self.has_subscribers().then(|| now.saturating_add(MAX_BLIND_SLEEP));
        let busy = self.has_busy().then_some(self.busy_until);
        let others = [blind, self.thread_end(), self.sweeps.next(), busy].into_iter().flatten();
        expirations.chain(others).min().unwrap_or(NEVER)
    }

    /// Whether the thread waits for too long to process a timer with this entry.
    pub(super) fn waits_past(&self, key: QueueKey, due: u64) -> bool {
        let wake_ahead = if self.is_spinning { 0 } else { self.wake_ahead.of(key.urgency) };
        let process_time = self.process_time(key, due, || time(Clock::Monotonic));
        process_time.saturating_sub(wake_ahead) < self.waits_until
    }

    /// When the thread processes a timer with this entry, by the monotonic clock.
    fn process_time(&self, key: QueueKey, due: u64, now: impl FnOnce() -> u64) -> u64 {
        let due = to_monotonic(key.clock, due, now);
        if key.urgency == Urgency::Unread {
            due.max(self.refresh_budget.next())
        } else {
            due
        }
    }

    /// Takes due timers, except those that have stayed unread for long, until the batch is full. On
    /// each clock, the most urgent come first. A timer is due up to `times`: the first call of a
    /// pass gives [`ANY_TIMES`], and gets the present times.
    pub(super) fn take_due(&mut self, times: &mut Times, batch: &mut Batch<T>) {
        for (clock, limit) in CLOCKS.into_iter().zip(times) {
            let keys = Urgency::ALL.map(|urgency| QueueKey { clock, urgency });
            if keys.into_iter().all(|key| self.timers.first(index(key)).is_none()) {
                continue;
            }
            // If the clock is set back meanwhile, the thread must not take a timer again and again.
            *limit = time(clock).min(*limit);
            for key in keys.into_iter().rev().filter(|key| key.urgency > Urgency::Unread) {
                self.take_from(index(key), *limit, BATCH, batch);
            }
        }
    }

    /// Takes busy timers until the batch is full, if it is time to try them again. In one round,
    /// each of them is tried once.
    pub(super) fn take_busy(&mut self, now: u64, batch: &mut Batch<T>) {
        if self.timers.first(BUSY[self.busy_round]).is_none() {
            if !self.has_busy() {
                self.busy_until = 0;
            } else if now >= self.busy_until {
                self.busy_round = 1 - self.busy_round;
                self.busy_pause = (self.busy_pause * 2).min(MAX_BUSY_PAUSE);
                self.busy_until = now.saturating_add(self.busy_pause);
            }
        }
        self.take_from(BUSY[self.busy_round], u64::MAX, BATCH, batch);
    }

    fn has_busy(&self) -> bool {
        BUSY.iter().any(|&queue| self.timers.first(queue).is_some())
    }

    /// Takes some of the timers that have stayed unread for long, if the budget allows it. Each
    /// round begins with another clock.
    pub(super) fn take_unread(&mut self, times: &Times, batch: &mut Batch<T>) {
        if time(Clock::Monotonic) < self.refresh_budget.next() {
            return;
        }
        let first = self.refresh_budget.rounds();
        for clock in (0..CLOCKS.len()).map(|number| first.wrapping_add(number) % CLOCKS.len()) {
            let key = QueueKey { clock: CLOCKS[clock], urgency: Urgency::Unread };
            self.take_from(index(key), times[clock], REFRESH_BATCH, batch);
        }
    }

    /// Takes the timers of a queue that are due up to `limit`, until the batch has this length.
    fn take_from(&mut self, queue: usize, limit: u64, length: usize, batch: &mut Batch<T>) {
        while batch.len() < length {
            let Some(entry) = self.timers.pop_due(queue, limit) else { break };
            self.take(entry.id, Reason::Due(entry.due), batch);
        }
    }

    /// Takes a timer before it is due.
    pub(super) fn take_early(&mut self, entry: QueueEntry, batch: &mut Batch<T>) {
        self.timers.dequeue(entry.id);
        self.take(entry.id, Reason::Due(entry.due), batch);
    }

    /// Takes subscribers to clock changes, from this number on, until the batch is full. Returns
    /// the number after the last one.
    pub(super) fn take_subscribers(&mut self, mut number: u32, changes: u64, batch: &mut Batch<T>) -> u32 {
        while !batch.is_full() {
            let Some((id, next)) = self.timers.find_from(number, |flags| flags.is_subscriber) else { break };
            self.take(id, Reason::ClockChange(changes), batch);
            number = next;
        }
        number
    }

    fn take(&mut self, id: TimerId, reason: Reason, batch: &mut Batch<T>) {
        let Some(timer) = self.timers.value(id).take() else { return };
        self.timers.flags(id).owner = Owner::Thread;
        batch.push(id, reason, timer);
    }

    /// Returns the references that the thread has taken. Drops none.
    pub(super) fn put_back(&mut self, batch: &mut Batch<T>) {
        while let Some((id, reason, timer)) = batch.pop() {
            *self.timers.value(id) = Some(timer);
            match (std::mem::take(&mut self.timers.flags(id).owner), reason) {
                (Owner::ThreadAlone, _) => self.timers.enqueue(id, RETURNED, 0),
                // Unless the caller has enqueued it meanwhile.
                (_, Reason::Busy(due)) if !self.timers.is_enqueued(id) => self.add_busy(id, due),
                (_, Reason::MissedClockChange) => self.missed_clock_change = true,
                _ => {}
            }
        }
    }

    fn add_busy(&mut self, id: TimerId, due: u64) {
        if self.busy_until == 0 {
            self.busy_pause = MIN_BUSY_PAUSE;
            self.busy_until = time(Clock::Monotonic).saturating_add(self.busy_pause);
        }
        self.timers.enqueue(id, BUSY[1 - self.busy_round], due);
    }

    /// Whether a busy timer has missed a clock change since the last call.
    pub(super) fn take_missed_clock_change(&mut self) -> bool {
        std::mem::take(&mut self.missed_clock_change)
    }
}

/// The index of the queue with this key.
fn index(key: QueueKey) -> usize {
    let (clock, urgency) = key.indices();
    clock * Urgency::ALL.len() + urgency
}

/// Converts a time of a clock to the time of the monotonic clock at which the thread wakes up for
/// it.
fn to_monotonic(clock: Clock, due: u64, now: impl FnOnce() -> u64) -> u64 {
    if clock == Clock::Monotonic {
        return due;
    }
    now().saturating_add(due.saturating_sub(time(clock)).min(MAX_BLIND_SLEEP))
}

/// The present time of a clock that exists, in nanoseconds.
#[inline]
pub(super) fn time(clock: Clock) -> u64 {
    sys::clock::now(clock).map_or(0, nanos)
}

/// The size of a batch: 2 KiB of the thread's stack. Large batches are faster, since the queues
/// stay in the cache, but the queues are locked meanwhile.
const BATCH: usize = 64;

/// Timers that the thread has taken from the queues, and processes while the queues are unlocked.
pub(super) struct Batch<T> {
    timers: [Option<(TimerId, Reason, Arc<T>)>; BATCH],
    len: usize,
}

/// Why the thread has taken a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was in a queue, due at this time.
    Due(u64),
    /// The same, and another thread holds its lock: it must be processed later.
    Busy(u64),
    /// It subscribes to clock changes. This is the number of changes so far.
    ClockChange(u64),
    /// The same, and another thread holds its lock.
    MissedClockChange,
}

impl<T> Batch<T> {
    pub(super) fn new() -> Batch<T> {
        Batch { timers: std::array::from_fn(|_| None), len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn is_full(&self) -> bool {
        self.len == BATCH
    }

    /// Adds a timer. The batch must not be full.
    fn push(&mut self, id: TimerId, reason: Reason, timer: Arc<T>) {
        self.timers[self.len] = Some((id, reason, timer));
        self.len += 1;
    }

    /// Removes the timer that was added last.
    fn pop(&mut self) -> Option<(TimerId, Reason, Arc<T>)> {
        self.len = self.len.checked_sub(1)?;
        self.timers[self.len].take()
    }

    /// The timers, in the order in which they were added.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Reason, &Arc<T>)> {
        self.timers[..self.len].iter_mut().flatten().map(|(_, reason, timer)| (reason, &*timer))
    }
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
