//! A simulated machine: its clocks, and the timers on them in the order in which they are due. Nothing here moves by itself.

use std::collections::BTreeMap;

use super::times::Times;
use crate::backends::emulation::calls::World;
use crate::backends::emulation::latch::Latch;
use crate::backends::emulation::line::{Line, CLOCKS};
use crate::backends::emulation::queue::{Place, Queue};
use crate::backends::emulation::state::State;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// A timer's state, used only by who has the machine.
pub(super) type Timer = Arc<Mutex<State>>;

pub(super) struct Machine {
    pub(super) times: Times,
    /// By clock.
    queues: [Queue<Timer>; CLOCKS.len()],
    timers: BTreeMap<u64, Entry>,
    last_id: u64,
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
        Machine { times: Times::START, queues: Default::default(), timers: BTreeMap::new(), last_id: 0 }
    }

    /// One more timer, disarmed: its number and its state.
    pub(super) fn add(&mut self, clock: Clock, latch: Latch) -> (u64, Timer) {
        // Nobody has to wake up for it: it is as punctual as can be.
        let timer = Arc::new(Mutex::new(State::new(clock, Punctuality::Economical, latch)));
        self.last_id += 1;
        self.timers.insert(self.last_id, Entry { clock, timer: Arc::clone(&timer), waiting: 0 });
        (self.last_id, timer)
    }

    /// Ends a timer.
    pub(super) fn remove(&mut self, id: u64) {
        let Some(Entry { timer, .. }) = self.timers.remove(&id) else { return };
        drop(self.with(id, &timer, |state, _| state.close()));
    }

    /// Does something to a timer's state, and then puts the timer where it is to be looked at next.
    pub(super) fn with<R>(&mut self, id: u64, timer: &Timer, act: impl FnOnce(&mut State, &Times) -> R) -> R {
        let mut state = lock(timer);
        let result = act(&mut state, &self.times);
        self.stand(id, timer, &mut state);
        result
    }

    fn queue(&mut self, line: Line) -> &mut Queue<Timer> {
        &mut self.queues[line.indices().0]
    }

    /// Puts a timer where it is to be looked at next.
    fn stand(&mut self, id: u64, timer: &Timer, state: &mut State) {
        let line = Line { clock: state.runs_on, punctuality: Punctuality::Economical };
        let place = state.next(self.times.time(line.clock)).map(|due| (line, due));
        if place == state.place() {
            return;
        }
        if let Some((line, due)) = state.replace(place) {
            self.queue(line).remove(Place { due, id });
        }
        if let Some((line, due)) = place {
            self.queue(line).insert(Place { due, id }, Arc::clone(timer));
        }
    }

    /// How long it is until something is due on any clock, if time passes on all alike.
    pub(super) fn until_next(&mut self) -> Option<u64> {
        loop {
            let (until, id) = self.first()?;
            let timer = Arc::clone(&self.timers.get(&id)?.timer);
            // What was to come again after a step back may have been read since, by a plain reader.
            self.with(id, &timer, |_, _| ());
            if self.first() == Some((until, id)) {
                return Some(until);
            }
        }
    }

    /// What stands first on any clock: until when, and its number.
    fn first(&self) -> Option<(u64, u64)> {
        let firsts = CLOCKS.iter().zip(&self.queues).filter_map(|(&clock, queue)| {
            let Place { due, id } = queue.first()?;
            Some((due.saturating_sub(self.times.time(clock)), id))
        });
        firsts.min()
    }

    /// Whether there are expirations that nobody has read.
    pub(super) fn has_unread(&self) -> bool {
        self.timers.values().any(|entry| lock(&entry.timer).has_unread())
    }

    /// One more waits for a timer, or one less.
    pub(super) fn count_waiting(&mut self, id: u64, before: bool, after: bool) {
        if let Some(entry) = self.timers.get_mut(&id) {
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
        let timers: Vec<_> = self.timers.iter().map(|(&id, entry)| (id, Arc::clone(&entry.timer))).collect();
        for (id, timer) in timers {
            self.with(id, &timer, |state, times| state.show_step_if_any(times));
        }
        self.show_what_is_due();
    }

    /// Lets all descriptors show what is due.
    fn show_what_is_due(&mut self) {
        let mut due = Vec::new();
        for (clock, queue) in CLOCKS.into_iter().zip(&mut self.queues) {
            let now = self.times.time(clock);
            due.extend(std::iter::from_fn(|| queue.pop_due(now)));
        }
        // Each once: what a pipe does not take is due again.
        for (place, timer) in due {
            self.with(place.id, &timer, |state, times| {
                state.replace(None);
                state.refresh(times.time(state.runs_on));
            });
        }
    }
}
