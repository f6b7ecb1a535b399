//! A simulated machine: its clocks, and the timers on them in the order in which they are due. Nothing here moves by itself.

use std::collections::BTreeMap;

use super::times::Times;
use crate::backends::emulation::calls::World;
use crate::backends::emulation::latch::Latch;
use crate::backends::emulation::line::{Line, Urgency, CLOCKS};
use crate::backends::emulation::queue::{Key, Place, Queues};
use crate::backends::emulation::state::State;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// A timer's state, used only by who has the machine.
pub(super) type Timer = Arc<Mutex<State>>;

pub(super) struct Machine {
    pub(super) times: Times,
    /// By clock.
    queues: Queues<(), (), { CLOCKS.len() }>,
    timers: BTreeMap<Key, Entry>,
}

struct Entry {
    /// The clock that it was made for.
    clock: Clock,
    timer: Timer,
    /// How many threads wait for it, beside those who read the pipe.
    waiting: usize,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code of a user's runs under these locks, so a panic can't have left anything half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    pub(super) fn new() -> Machine {
        Machine { times: Times::START, queues: Queues::new(), timers: BTreeMap::new() }
    }

    /// Adds a timer, disarmed. Returns its key and its state.
    pub(super) fn add(&mut self, clock: Clock, latch: Latch) -> (Key, Timer) {
        // Nobody has to wake up for it: it is as punctual as can be.
        let timer = Arc::new(Mutex::new(State::new(clock, Punctuality::Economical, latch)));
        let key = self.queues.register();
        self.timers.insert(key, Entry { clock, timer: Arc::clone(&timer), waiting: 0 });
        (key, timer)
    }

    /// Ends a timer.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(Entry { timer, .. }) = self.timers.remove(&key) else { return };
        drop(self.with(key, &timer, |state, _| state.close()));
        self.queues.unregister(key);
    }

    /// Does something to a timer's state, and then puts the timer where it is to be looked at next.
    pub(super) fn with<R>(&mut self, key: Key, timer: &Timer, act: impl FnOnce(&mut State, &Times) -> R) -> R {
        let mut state = lock(timer);
        let result = act(&mut state, &self.times);
        self.stand(key, &mut state);
        result
    }

    /// Puts a timer where it is to be looked at next.
    fn stand(&mut self, key: Key, state: &mut State) {
        let line = Line { clock: state.runs_on, urgency: Urgency::Economical };
        let place = state.next(self.times.time(line.clock)).map(|due| (line, due));
        if place == state.place() {
            return;
        }
        state.replace(place);
        match place {
            Some((line, due)) => self.queues.enqueue(key, line.indices().0, due),
            None => self.queues.dequeue(key),
        }
    }

    /// How long it is until something is due on any clock, if time passes on all alike.
    pub(super) fn until_next(&mut self) -> Option<u64> {
        loop {
            let (until, key) = self.first()?;
            let timer = Arc::clone(&self.timers.get(&key)?.timer);
            // What was to come again after a step back may have been read since, by a plain reader.
            self.with(key, &timer, |_, _| ());
            if self.first() == Some((until, key)) {
                return Some(until);
            }
        }
    }

    /// The timer that is due first on any clock: how long it is until then, and its key.
    fn first(&self) -> Option<(u64, Key)> {
        let firsts = CLOCKS.iter().enumerate().filter_map(|(queue, &clock)| {
            let Place { due, key } = self.queues.first(queue)?;
            Some((due.saturating_sub(self.times.time(clock)), key))
        });
        firsts.min()
    }

    /// Whether there are expirations that nobody has read.
    pub(super) fn has_unread(&self) -> bool {
        self.timers.values().any(|entry| lock(&entry.timer).has_unread())
    }

    /// One more waits for a timer, or one less.
    pub(super) fn count_waiting(&mut self, key: Key, before: bool, after: bool) {
        if let Some(entry) = self.timers.get_mut(&key) {
            entry.waiting = entry.waiting + usize::from(after) - usize::from(before);
        }
    }

    /// How many threads wait for timers that have nothing for them.
    pub(super) fn waiting(&self) -> usize {
        let in_vain = |entry: &Entry| {
            let state = lock(&entry.timer);
            if state.has_unread() {
                0
            } else {
                entry.waiting + state.readers()
            }
        };
        self.timers.values().map(in_vain).sum()
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.times.advance(by);
        self.show_what_is_due();
    }

    pub(super) fn set_realtime(&mut self, time: u64) {
        self.times.set_realtime(time);
        self.show_step();
    }

    /// How long the suspend was: an alarm clock ends it.
    pub(super) fn suspend(&mut self, by: u64) -> u64 {
        let until = |entry: &Entry| {
            let state = lock(&entry.timer);
            let now = self.times.time(state.runs_on);
            state.alarm(now).map(|due| due.saturating_sub(now))
        };
        let alarms = self.timers.values().filter(|entry| entry.clock.is_alarm());
        let asleep = alarms.filter_map(until).min().map_or(by, |alarm| alarm.min(by));
        let before = self.times.time(Clock::Boottime);
        self.times.suspend(asleep);
        self.show_step();
        self.times.time(Clock::Boottime) - before
    }

    /// Lets the descriptors of those who asked for it tell of a step, if there was one, and then all of what came with it.
    fn show_step(&mut self) {
        let timers: Vec<_> = self.timers.iter().map(|(&key, entry)| (key, Arc::clone(&entry.timer))).collect();
        for (key, timer) in timers {
            self.with(key, &timer, |state, times| state.show_step_if_any(times));
        }
        self.show_what_is_due();
    }

    /// Lets all descriptors show what is due.
    fn show_what_is_due(&mut self) {
        let mut due = Vec::new();
        for (queue, clock) in CLOCKS.into_iter().enumerate() {
            let now = self.times.time(clock);
            due.extend(std::iter::from_fn(|| self.queues.pop_due(queue, now)));
        }
        // Each once: what a pipe does not take is due again.
        for Place { key, .. } in due {
            let Some(timer) = self.timers.get(&key).map(|entry| Arc::clone(&entry.timer)) else { continue };
            self.with(key, &timer, |state, times| {
                state.replace(None);
                state.refresh(times.time(state.runs_on));
            });
        }
    }
}
