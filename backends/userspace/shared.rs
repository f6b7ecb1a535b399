//! One timer as its owner and the thread share it: its state under a lock, its place in the
//! thread's agenda.

use std::io;
use std::os::fd::RawFd;

use super::agenda::time;
use super::called::{Called, Caller};
use super::registry::Ownerless;
use super::thread::{Engine, Look};
use crate::backends::emulation::calls::watches_steps;
use crate::backends::emulation::latch::Latch;
use crate::backends::emulation::queue::Key;
use crate::backends::emulation::reading::Locked;
use crate::backends::emulation::state::State;
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EBADF, EINVAL};
use crate::backends::sys::fd::Identity;
use crate::backends::sys::read_end::Holders;
use crate::backends::sys::sync::{self, Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::punctuality::Punctuality;
use crate::spec::TimerSpec;

/// A timer as its owner and the thread share it.
pub(super) struct Shared {
    key: Key,
    engine: &'static Engine<Shared>,
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(clock: Clock, flags: CreateFlags, latch: Latch, engine: &'static Engine<Shared>) -> Shared {
        let punctuality = flags.punctuality.unwrap_or_else(Punctuality::process_default);
        Shared { key: engine.enlist(), engine, state: Mutex::new(State::new(clock, punctuality, latch)) }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, and nothing on its way.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.locked();
        self.arrive(&mut state);
        state
    }

    /// Waits for what is on its way.
    fn arrive(&self, state: &mut State) {
        if state.is_on_its_way() {
            state.arrived(self.engine.post.wait(self.key));
        }
    }

    /// The state, unless a caller has the lock. One who calls again and again gets the lock first
    /// nearly each time, and one who was interrupted keeps it for long: no other timer is to wait
    /// for that.
    fn state_unless_busy(&self) -> Option<MutexGuard<'_, State>> {
        let mut state = sync::lock_unless_busy(&self.state)?;
        self.arrive(&mut state);
        Some(state)
    }

    /// The state, for a call that came by a descriptor which anybody may close.
    fn state_by<'a>(self: &'a Arc<Self>, Caller { fd, known_as }: Caller) -> io::Result<Called<'a>> {
        let mut state = self.state();
        // It was there when the call began.
        let Some(latch) = &mut state.latch else { return Err(os_error(EBADF)) };
        if latch.identity().ok() != Some(known_as) {
            drop(state);
            self.engine.registry.has_lost(self, None);
            self.lose();
            return Err(os_error(EINVAL));
        }
        latch.call(Some(fd));
        Ok(Called(state))
    }

    /// Ends the timer, in a call of its owner's.
    pub(super) fn close_by_owner(&self) {
        self.close();
        self.engine.free_given_back();
    }

    /// Ends the timer in a forked child, whose copy of the lock may be held by a thread that is not
    /// there.
    pub(super) fn close_inherited(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            drop(state.close());
        }
    }

    /// Sets a timer of this clock.
    pub(super) fn settime(self: &Arc<Self>, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.prepare(clock, new)?;
        self.set(&mut self.state(), clock, new)
    }

    /// The same, by a descriptor.
    pub(super) fn settime_by(self: &Arc<Self>, by: Caller, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.prepare(clock, new)?;
        self.set(&mut *self.state_by(by)?, clock, new)
    }

    /// Sees to what a setting needs: a privilege, the thread.
    fn prepare(&self, clock: Clock, new: &TimerSpec) -> io::Result<()> {
        if clock.is_alarm() {
            sys::clock::may_wake_the_machine()?;
        }
        if new.is_armed() || watches_steps(clock, new) {
            self.engine.start()?;
        }
        Ok(())
    }

    fn set(self: &Arc<Self>, state: &mut State, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        let watched = state.watch.is_some();
        let old = state.settime(self.engine, clock, new);
        match (watched, state.watch.is_some()) {
            (false, true) => self.engine.watch_steps(self.key, self),
            (true, false) => self.engine.unwatch_steps(self.key),
            _ => {}
        }
        self.stand(state);
        old
    }

    pub(super) fn gettime(self: &Arc<Self>) -> io::Result<TimerSpec> {
        self.get(&mut self.state())
    }

    /// The same, by a descriptor.
    pub(super) fn gettime_by(self: &Arc<Self>, by: Caller) -> io::Result<TimerSpec> {
        self.get(&mut *self.state_by(by)?)
    }

    fn get(self: &Arc<Self>, state: &mut State) -> io::Result<TimerSpec> {
        let (now, is_to_stand_anew) = state.asked(self.engine)?;
        if is_to_stand_anew {
            self.stand(state);
        }
        Ok(state.report(now))
    }

    /// The expirations up to now, without waiting for any.
    pub(super) fn try_read(self: &Arc<Self>) -> io::Result<u64> {
        self.to_take(|state, engine| state.try_read(engine))
    }

    fn act<R>(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        act: impl FnOnce(&mut State, &Engine<Shared>) -> R,
    ) -> R {
        let result = act(&mut state, self.engine);
        self.stand(&mut state);
        result
    }

    /// Sees to it that the thread comes by in time.
    pub(super) fn stand(self: &Arc<Self>, state: &mut State) {
        let stands = state.place();
        let Some((line, due)) = state.due() else {
            // Where the thread can't sleep long because of it, it must not stand for nothing.
            if stands.is_some_and(|(line, _)| line.clock != Clock::Monotonic) {
                state.replace(None);
                self.engine.remove(self.key);
            }
            return;
        };
        // The thread looks again when it finds the timer ahead of its time: moving later costs
        // nothing now.
        if !stands.is_some_and(|(stands_in, at)| stands_in.serves(line) && at <= due) {
            state.replace(Some((line, due)));
            self.engine.move_to(self.key, (line, due), self);
        }
    }

    /// Whether the program has closed what is ours, as one does that closes every number: they may
    /// be others' now. Only those that were given away are asked, whose owners can't know.
    fn is_lost(self: &Arc<Self>, state: &State) -> bool {
        let given_away = state.latch.as_ref().filter(|latch| latch.is_given_away());
        given_away.is_some_and(|latch| self.engine.registry.has_lost(self, latch.identity().ok()))
    }

    /// Ends everything, but for what showed it by its descriptor.
    fn end(&self) -> Option<Latch> {
        let mut state = self.state();
        // Whatever looked as if it had come: nothing is to be written by a number that is about to
        // be another file's.
        self.engine.post.wait(self.key);
        let latch = state.close()?;
        state.replace(None);
        drop(state);
        self.engine.discharge(self.key);
        Some(latch)
    }
}

impl Locked for Arc<Shared> {
    type World = Engine<Shared>;

    #[inline]
    fn with<R>(&self, act: impl FnOnce(&mut State, &Engine<Shared>) -> R) -> R {
        self.act(self.state(), act)
    }

    #[inline]
    fn to_take<R>(&self, act: impl FnOnce(&mut State, &Engine<Shared>) -> R) -> R {
        let mut state = self.locked();
        if state.is_on_its_way() && !state.catch() {
            state.arrived(self.engine.post.wait(self.key));
        }
        self.act(state, act)
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
}

impl Look for Shared {
    fn look(self: &Arc<Self>, due: u64) -> bool {
        let Some(state) = self.state_unless_busy() else { return false };
        self.process(state, due);
        true
    }

    fn look_for_step(self: &Arc<Self>) {
        self.with(|state, engine| state.show_step_if_any(engine));
    }
}

impl Shared {
    /// The time `due` has come, for which the timer was in a queue.
    fn process(self: &Arc<Self>, mut state: MutexGuard<'_, State>, due: u64) {
        if state.place().is_some_and(|(_, at)| at == due) {
            state.replace(None);
        }
        if self.is_lost(&state) {
            drop(state);
            return self.lose();
        }
        let now = time(state.runs_on);
        let parcel = state.refresh_by_post(now);
        self.stand(&mut state);
        if let Some(parcel) = parcel {
            if !self.engine.post.send(self.key, &parcel, || drop(state)) {
                self.with(|state, engine| state.arrived(engine.post.wait(self.key)));
            }
            return;
        }
        if let Some(identity) = state.identity_if_abandoned() {
            drop(state);
            self.engine.registry.release(identity, self);
        }
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
