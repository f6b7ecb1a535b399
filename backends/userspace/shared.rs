//! One timer as its owner and the thread share it: its state under a lock, its place in the thread's agenda.

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::RawFd;

use super::agenda::time;
use super::latch::Latch;
use super::line::Line;
use super::registry::Ownerless;
use super::state::State;
use super::step::StepWatch;
use super::thread::{Engine, Look};
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EBADF, ECANCELED, EINVAL};
use crate::backends::sys::fd::Identity;
use crate::backends::sys::read_end::Holders;
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::punctuality::Punctuality;
use crate::spec::{Initial, TimerSpec};

/// A timer as its owner and the thread share it.
pub(super) struct Shared {
    id: u64,
    engine: &'static Engine<Shared>,
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(clock: Clock, flags: CreateFlags, latch: Latch, engine: &'static Engine<Shared>) -> Shared {
        let punctuality = flags.punctuality.unwrap_or_else(Punctuality::process_default);
        Shared { id: engine.enlist(), engine, state: Mutex::new(State::new(clock, punctuality, latch)) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for a call that came by a descriptor of this number, if by any.
    fn state_by<'a>(self: &'a Arc<Self>, by: Option<Caller>) -> io::Result<Called<'a>> {
        let mut state = self.state();
        // It was there when the call began.
        let Some(latch) = &mut state.latch else { return Err(os_error(EBADF)) };
        if let Some(Caller { fd, known_as }) = by {
            if latch.identity().ok() != Some(known_as) {
                drop(state);
                self.engine.registry.has_lost(self, None);
                self.lose();
                return Err(os_error(EINVAL));
            }
            latch.call(Some(fd));
        }
        Ok(Called(state))
    }

    /// Sets a timer of this clock.
    pub(super) fn settime(self: &Arc<Self>, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.settime_by(None, clock, new)
    }

    /// The same, by a descriptor that anybody may close.
    pub(super) fn settime_by(
        self: &Arc<Self>,
        by: Option<Caller>,
        clock: Clock,
        new: &TimerSpec,
    ) -> io::Result<TimerSpec> {
        if clock.is_alarm() {
            sys::clock::may_wake_the_machine()?;
        }
        let watches = new.is_canceled_by_steps() && clock.without_alarm() == Clock::Realtime;
        if new.is_armed() || watches {
            self.engine.start()?;
        }
        let runs_on = match (clock, new.initial()) {
            (Clock::Realtime, Initial::After(_)) => Clock::Monotonic,
            _ => clock.without_alarm(),
        };
        let mut state = self.state_by(by)?;
        let now = time(runs_on);
        let now_of_old = if state.runs_on == runs_on { now } else { time(state.runs_on) };
        state.discard(now_of_old)?;
        let old = state.report(now_of_old);
        state.set(new, runs_on, now);
        let canceled = self.watch_steps(&mut state, watches, new.is_armed());
        self.stand(&mut state);
        drop(state);
        if canceled {
            Err(os_error(ECANCELED))
        } else {
            Ok(old)
        }
    }

    pub(super) fn gettime(self: &Arc<Self>) -> io::Result<TimerSpec> {
        self.gettime_by(None)
    }

    /// The same, by a descriptor that anybody may close.
    pub(super) fn gettime_by(self: &Arc<Self>, by: Option<Caller>) -> io::Result<TimerSpec> {
        let mut state = self.state_by(by)?;
        self.show_step(&mut state);
        let now = time(state.runs_on);
        if state.settle(now)? {
            self.stand(&mut state);
        }
        Ok(state.report(now))
    }

    /// Sees to it that the thread comes by in time.
    pub(super) fn stand(self: &Arc<Self>, state: &mut State) {
        let stands = state.place();
        let Some((line, due)) = state.due() else {
            // Where the thread can't sleep long because of it, it must not stand for nothing.
            if stands.is_some_and(|(line, _)| line.clock != Clock::Monotonic) {
                state.replace(None).into_iter().for_each(|place| self.engine.remove(self.id, place));
            }
            return;
        };
        // The thread looks again when it finds the timer ahead of its time: moving later costs nothing now.
        if !stands.is_some_and(|(stands_in, at)| stands_in.serves(line) && at <= due) {
            self.engine.move_to(self.id, state.replace(Some((line, due))), (line, due), self);
        }
    }

    /// Whether the program has closed what is ours, as one does that closes every number: they may be others' now. Only those that were
    /// given away are asked, whose owners can't know.
    fn is_lost(self: &Arc<Self>, state: &State) -> bool {
        let given_away = state.latch.as_ref().filter(|latch| latch.is_given_away());
        given_away.is_some_and(|latch| self.engine.registry.has_lost(self, latch.identity().ok()))
    }

    /// Ends everything, but for what showed it by its descriptor.
    fn end(&self) -> Option<Latch> {
        let mut state = self.state();
        let latch = state.close()?;
        let place = state.replace(None);
        state.watch = None;
        drop(state);
        self.engine.discharge(self.id, place);
        Some(latch)
    }

    /// Begins or ends to watch for steps; whether there was one under the old setting and the new one is to be told.
    fn watch_steps(self: &Arc<Self>, state: &mut State, watches: bool, arms: bool) -> bool {
        match (watches, &mut state.watch) {
            (true, Some(watch)) => {
                let steps = self.engine.steps();
                // What was shown is gone with the old setting. A disarmed timer keeps the error for the next read.
                watch.show(steps);
                arms && watch.tell(steps)
            }
            (true, none) => {
                *none = Some(Box::new(StepWatch::new(self.engine.steps())));
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

    /// Tells of a step, by an error, if there is one to be told of. It counts as shown too.
    pub(super) fn tell_step(&self, state: &mut State) -> io::Result<()> {
        let Some(mut watch) = state.watch.as_deref().copied() else { return Ok(()) };
        let steps = self.engine.steps();
        watch.show(steps);
        let is_told = watch.tell(steps);
        if is_told {
            state.cancel(time(state.runs_on))?;
        }
        // Not before: who gets another error is told the next time.
        state.watch.iter_mut().for_each(|known| **known = watch);
        if is_told {
            Err(os_error(ECANCELED))
        } else {
            Ok(())
        }
    }

    /// Makes the timer readable if there was a step.
    fn show_step(&self, state: &mut State) {
        if let Some(watch) = &mut state.watch {
            if watch.show(self.engine.steps()) {
                state.show_step(time(state.runs_on));
            }
        }
    }
}

/// The descriptor that a call came by, of a timer that nobody owns, and what the timer was found by.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) fd: RawFd,
    pub(super) known_as: Identity,
}

/// The state during a call.
struct Called<'a>(MutexGuard<'a, State>);

impl Deref for Called<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl DerefMut for Called<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.0
    }
}

impl Drop for Called<'_> {
    fn drop(&mut self) {
        self.0.latch.iter_mut().for_each(|latch| latch.call(None));
    }
}

impl Ownerless for Shared {
    fn holders(&self, number: RawFd) -> Holders {
        self.state().latch.as_ref().map_or(Holders::None, |latch| latch.holders(number))
    }

    fn identity(&self) -> Option<Identity> {
        self.state().latch.as_ref()?.identity().ok()
    }

    /// Ends the timer: nothing of it stays in the thread.
    fn close(&self) {
        drop(self.end());
    }

    fn lose(&self) {
        std::mem::forget(self.end());
    }

    /// Ends the timer in a forked child, whose copy of the lock may be held by a thread that is not there.
    fn close_inherited(&self, known_as: Option<Identity>) {
        let Ok(mut state) = self.state.try_lock() else { return };
        let Some(latch) = state.close() else { return };
        // Numbers that are others' now are left alone.
        if known_as.is_some() && known_as != latch.identity().ok() {
            std::mem::forget(latch);
        }
    }
}

impl Look for Shared {
    fn look(self: Arc<Self>, place: (Line, u64)) {
        let mut state = self.state();
        if state.place() == Some(place) {
            state.replace(None);
        }
        if self.is_lost(&state) {
            drop(state);
            return self.lose();
        }
        let now = time(state.runs_on);
        state.refresh(now);
        self.stand(&mut state);
        if let Some(identity) = state.identity_if_abandoned() {
            drop(state);
            self.engine.registry.release(identity, &self);
        }
    }

    fn look_for_step(self: Arc<Self>) {
        let mut state = self.state();
        self.show_step(&mut state);
        self.stand(&mut state);
    }
}
