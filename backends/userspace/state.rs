//! One timer: its schedule, its latch, and its place in the thread's agenda, under one lock.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::latch::Latch;
use super::queue::Place;
use super::schedule::{nanos, Schedule, NEVER};
use super::step::StepWatch;
use super::thread::{time, Engine, Look};
use crate::backends::sys;
use crate::backends::sys::error::{os_error, ECANCELED, EIO};
use crate::clock::Clock;
use crate::spec::{Initial, TimerSpec};

/// How long, in nanoseconds, a count that nobody reads is left as it is: at first, and at last.
const SHORTEST_REST: u64 = 100_000;
const LONGEST_REST: u64 = 10_000_000;

/// A timer as its owner and the thread share it.
pub(super) struct Shared {
    id: u64,
    clock: Clock,
    engine: &'static Engine<Shared>,
    state: Mutex<State>,
}

struct State {
    schedule: Schedule,
    /// The clock that the schedule's times are of: not always the timer's own.
    runs_on: Clock,
    /// None once the timer is closed.
    latch: Option<Latch>,
    /// Expirations counted, but not to be had from the latch.
    owed: u64,
    /// When the latch was last filled, and how long it is to be left alone after that while it is full.
    filled: u64,
    rest: u64,
    /// Where the thread will come across the timer; it may be earlier than needed.
    place: Option<(Clock, Place)>,
    watch: Option<StepWatch>,
    /// Steps among the unread counts.
    steps_shown: u64,
}

impl Shared {
    pub(super) fn new(clock: Clock, latch: Latch, engine: &'static Engine<Shared>) -> Shared {
        let state = State {
            schedule: Schedule::default(),
            runs_on: clock.without_alarm(),
            latch: Some(latch),
            owed: 0,
            filled: 0,
            rest: SHORTEST_REST,
            place: None,
            watch: None,
            steps_shown: 0,
        };
        Shared { id: engine.new_id(), clock, engine, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settime(self: &Arc<Self>, new: &TimerSpec) -> io::Result<TimerSpec> {
        if self.clock.is_alarm() {
            sys::clock::may_wake_the_machine()?;
        }
        let watches = new.is_canceled_by_steps() && self.clock.without_alarm() == Clock::Realtime;
        if new.is_armed() || watches {
            self.engine.start()?;
        }
        let mut state = self.state();
        let old = state.report(time(state.runs_on));
        state.discard()?;
        state.set(self.clock, new);
        let canceled = self.watch_steps(&mut state, watches);
        self.stand(&mut state);
        drop(state);
        if canceled && new.is_armed() {
            Err(os_error(ECANCELED))
        } else {
            Ok(old)
        }
    }

    pub(super) fn gettime(self: &Arc<Self>) -> io::Result<TimerSpec> {
        let mut state = self.state();
        self.show_step(&mut state);
        let now = time(state.runs_on);
        if state.is_overdue(now) {
            state.refresh(now);
            self.stand(&mut state);
        }
        Ok(state.report(now))
    }

    /// The expirations up to now, or the next ones if the descriptor is in blocking mode.
    pub(super) fn read(self: &Arc<Self>, reader: &OwnedFd) -> io::Result<u64> {
        let present = self.collect(0)?;
        if present > 0 {
            return Ok(present);
        }
        // An ordinary read waits or does not, and is interrupted or not, just as a reader of the descriptor would be.
        match sys::fd::read_count(reader.as_fd())? {
            Some(count) => self.collect(count),
            None => Err(os_error(EIO)),
        }
    }

    /// All expirations not yet read, beside those just `read` from the latch.
    fn collect(self: &Arc<Self>, read: u64) -> io::Result<u64> {
        let mut state = self.state();
        if self.tell_step(&mut state) {
            state.cancel(read)?;
            return Err(os_error(ECANCELED));
        }
        let now = time(state.runs_on);
        let count = state.take_all(now)?.saturating_add(read);
        self.stand(&mut state);
        Ok(count)
    }

    /// Ends the timer: nothing of it stays in the thread.
    pub(super) fn close(&self) {
        let mut state = self.state();
        let (latch, place, watch) = (state.latch.take(), state.place.take(), state.watch.take());
        drop(state);
        if let Some(place) = place {
            self.engine.remove(place);
        }
        if watch.is_some() {
            self.engine.unwatch_steps(self.id);
        }
        drop(latch);
    }

    /// Sees to it that the thread comes by in time.
    fn stand(self: &Arc<Self>, state: &mut State) {
        let Some(due) = state.due() else { return };
        // The thread looks again when it finds the timer ahead of its time: moving later costs nothing now.
        if !matches!(state.place, Some((clock, place)) if clock == state.runs_on && place.due <= due) {
            let to = (state.runs_on, Place { due, id: self.id });
            self.engine.move_to(state.place.replace(to), to, self);
        }
    }

    /// Begins or ends to watch for steps; whether there was one under the old setting and the new one is to be told.
    fn watch_steps(self: &Arc<Self>, state: &mut State, watches: bool) -> bool {
        match (watches, &mut state.watch) {
            (true, Some(watch)) => {
                let steps = self.engine.steps();
                // What was shown is gone with the old setting. A disarmed timer keeps the error for the next read.
                watch.show(steps);
                state.schedule.next().is_some() && watch.tell(steps)
            }
            (true, none) => {
                *none = Some(StepWatch::new(self.engine.steps()));
                self.engine.watch_steps(self.id, self);
                false
            }
            (false, Some(_)) => {
                state.watch = None;
                self.engine.unwatch_steps(self.id);
                false
            }
            (false, None) => false,
        }
    }

    /// Whether a step is to be told of now. It counts as shown too.
    fn tell_step(&self, state: &mut State) -> bool {
        state.watch.as_mut().is_some_and(|watch| {
            let steps = self.engine.steps();
            watch.show(steps);
            watch.tell(steps)
        })
    }

    /// Makes the timer readable if there was a step.
    fn show_step(&self, state: &mut State) {
        if let Some(watch) = &mut state.watch {
            if watch.show(self.engine.steps()) {
                state.steps_shown += 1;
                state.fill(1, time(state.runs_on));
            }
        }
    }
}

impl Look for Shared {
    fn look(self: Arc<Self>, clock: Clock, place: Place) {
        let mut state = self.state();
        if state.place == Some((clock, place)) {
            state.place = None;
        }
        let now = time(state.runs_on);
        state.refresh(now);
        self.stand(&mut state);
    }

    fn look_for_step(&self) {
        self.show_step(&mut self.state());
    }
}

impl State {
    /// Takes a new setting.
    fn set(&mut self, clock: Clock, new: &TimerSpec) {
        self.runs_on = match (clock, new.initial()) {
            (Clock::Realtime, Initial::After(_)) => Clock::Monotonic,
            _ => clock.without_alarm(),
        };
        let now = time(self.runs_on);
        let first = match new.initial() {
            Initial::Disarmed => None,
            Initial::After(delay) => Some(now.saturating_add(nanos(delay))),
            // Zero is the kernel's word for disarmed, so that the earliest time there is one nanosecond.
            Initial::At(time) => Some(nanos(time).max(1)),
        };
        self.schedule = Schedule::new(first, nanos(new.interval()));
        self.rest = SHORTEST_REST;
        self.refresh(now);
    }

    fn report(&self, now: u64) -> TimerSpec {
        let left = self.schedule.remaining(now).map(Duration::from_nanos);
        TimerSpec::new(left.map_or(Initial::Disarmed, Initial::After), Duration::from_nanos(self.schedule.interval()))
    }

    /// Whether there are expirations of which the descriptor shows nothing yet.
    fn is_overdue(&self, now: u64) -> bool {
        !self.is_raised() && self.schedule.next().is_some_and(|next| next <= now)
    }

    fn is_raised(&self) -> bool {
        self.latch.as_ref().is_some_and(Latch::is_raised)
    }

    /// When the thread is needed next, if ever.
    fn due(&self) -> Option<u64> {
        let next = self.schedule.next()?;
        Some(if self.is_raised() { next.max(self.filled.saturating_add(self.rest)).min(NEVER) } else { next })
    }

    /// Lets the descriptor show all expirations up to now.
    fn refresh(&mut self, now: u64) {
        let new = self.schedule.count(now).saturating_add(std::mem::take(&mut self.owed));
        if new > 0 {
            self.fill(new, now);
        }
    }

    /// Adds to the count that the latch holds.
    fn fill(&mut self, new: u64, now: u64) {
        let Some(latch) = &mut self.latch else { return };
        let unread = latch.take();
        let count = new.saturating_add(*unread.as_ref().unwrap_or(&0));
        // What the pipe does not take now comes with the next count.
        if unread.is_err() || latch.put(count).is_err() {
            self.owed = count;
        }
        self.rest = match unread {
            Ok(0) => SHORTEST_REST,
            _ => self.rest.saturating_mul(2).min(LONGEST_REST),
        };
        self.filled = now;
    }

    /// Takes all expirations up to now, and leaves the descriptor unreadable.
    fn take_all(&mut self, now: u64) -> io::Result<u64> {
        let held = self.empty()?;
        let counted = self.schedule.count(now);
        self.rest = SHORTEST_REST;
        Ok(held.saturating_add(counted))
    }

    /// Takes the expirations that are counted already.
    fn empty(&mut self) -> io::Result<u64> {
        let unread = self.latch.as_mut().map_or(Ok(0), Latch::take)?;
        Ok(unread.saturating_add(std::mem::take(&mut self.owed)))
    }

    /// Forgets the expirations that are not yet read.
    fn discard(&mut self) -> io::Result<()> {
        self.empty()?;
        self.steps_shown = 0;
        Ok(())
    }

    /// What the kernel does when it tells of a step: a timer that has expired already will not again.
    fn cancel(&mut self, read: u64) -> io::Result<()> {
        let unread = self.take_all(time(self.runs_on))?.saturating_add(read);
        if unread > std::mem::take(&mut self.steps_shown) {
            self.schedule = Schedule::new(None, self.schedule.interval());
        }
        Ok(())
    }
}
