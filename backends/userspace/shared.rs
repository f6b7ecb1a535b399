//! One timer as its owner and the thread share it: its state under a lock, its place in the thread's agenda.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::agenda::time;
use super::latch::{Latch, Origin};
use super::line::Line;
use super::state::State;
use super::step::StepWatch;
use super::thread::{Engine, Look};
use crate::backends::sys;
use crate::backends::sys::error::{os_error, EAGAIN, ECANCELED, EIO};
use crate::backends::sys::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::clock::Clock;
use crate::punctuality::Punctuality;
use crate::spec::{Initial, TimerSpec};

/// A timer as its owner and the thread share it.
pub(super) struct Shared {
    id: u64,
    engine: &'static Engine<Shared>,
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(clock: Clock, punctuality: Punctuality, latch: Latch, engine: &'static Engine<Shared>) -> Shared {
        Shared { id: engine.enlist(), engine, state: Mutex::new(State::new(clock, punctuality, latch)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code of a user's runs under this lock, so a panic can't have left it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a timer of this clock.
    pub(super) fn settime(self: &Arc<Self>, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
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
        let mut state = self.state();
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
        let mut state = self.state();
        self.show_step(&mut state);
        let now = time(state.runs_on);
        if state.settle(now)? {
            self.stand(&mut state);
        }
        Ok(state.report(now))
    }

    /// The expirations up to now, or the next ones if the descriptor is in blocking mode.
    pub(super) fn read(self: &Arc<Self>, reader: &OwnedFd) -> io::Result<u64> {
        let mut state = self.state();
        let mut present = self.collect(&mut state, 0);
        while let Ok(0) = present {
            let last = state.reader_comes();
            drop(state);
            let mut read = read_message(reader);
            state = self.state();
            // The thread switches the mode only under the lock.
            if matches!(&read, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
                && sys::nowait::is_to_wait(reader.as_fd())
            {
                read = Ok(0);
            }
            present = read.and_then(|count| self.collect_from(&mut state, count, last));
            state.reader_leaves(present.is_ok());
        }
        present
    }

    /// All expirations not yet read, beside a `count` just read from the latch, which had been empty after the `last` message.
    fn collect_from(self: &Arc<Self>, state: &mut State, count: u64, last: u32) -> io::Result<u64> {
        match state.origin(last) {
            Origin::Current => self.collect(state, count),
            // As if it had been read before the other was put: nothing of now is to be mixed with it.
            Origin::Unknown if count > 0 => self.tell_step(state).map(|()| count),
            // As if it had been discarded before it was read.
            Origin::Void | Origin::Unknown => self.collect(state, 0),
        }
    }

    /// The expirations up to now.
    pub(super) fn try_read(self: &Arc<Self>) -> io::Result<u64> {
        let mut state = self.state();
        let mut present = self.collect(&mut state, 0)?;
        if present == 0 {
            present = state.take_foreign()?;
        }
        if present == 0 {
            return Err(os_error(EAGAIN));
        }
        Ok(present)
    }

    /// All expirations not yet read, beside those just `read` from the latch.
    fn collect(self: &Arc<Self>, state: &mut State, read: u64) -> io::Result<u64> {
        self.tell_step(state)?;
        let count = state.take_all(read, time(state.runs_on))?;
        self.stand(state);
        Ok(count)
    }

    /// Ends the timer: nothing of it stays in the thread.
    pub(super) fn close(&self) {
        let mut state = self.state();
        let (latch, place) = (state.close(), state.replace(None));
        state.watch = None;
        drop(state);
        self.engine.discharge(self.id, place);
        drop(latch);
    }

    /// Ends the timer in a forked child, whose copy of the lock may be held by a thread that is not there.
    pub(super) fn close_inherited(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.close();
        }
    }

    /// Sees to it that the thread comes by in time.
    fn stand(self: &Arc<Self>, state: &mut State) {
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
    fn tell_step(&self, state: &mut State) -> io::Result<()> {
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

/// An ordinary read, which waits or does not, and is interrupted or not, just as a reader of the descriptor would be. The count
/// that it gives, 0 if the message was torn by somebody's short read.
fn read_message(reader: &OwnedFd) -> io::Result<u64> {
    let mut message = [0; sys::fd::COUNT_SIZE];
    match sys::fd::read(reader.as_fd(), &mut message)? {
        0 => Err(os_error(EIO)),
        sys::fd::COUNT_SIZE => Ok(u64::from_ne_bytes(message)),
        _ => Ok(0),
    }
}

impl Look for Shared {
    fn look(self: Arc<Self>, place: (Line, u64)) {
        let mut state = self.state();
        if state.place() == Some(place) {
            state.replace(None);
        }
        let now = time(state.runs_on);
        state.refresh(now);
        self.stand(&mut state);
    }

    fn look_for_step(self: Arc<Self>) {
        let mut state = self.state();
        self.show_step(&mut state);
        self.stand(&mut state);
    }
}
