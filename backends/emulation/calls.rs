//! What is asked of one timer, by its state: to be set, what is left, what has expired. The world is an argument.

use std::io;

use super::latch::Origin;
use super::state::State;
use super::step::StepWatch;
use crate::backends::sys::error::{os_error, EAGAIN, ECANCELED};
use crate::clock::Clock;
use crate::spec::{Initial, TimerSpec};

/// What a timer asks of the world.
pub(crate) trait World {
    /// The present time of a clock that is known to be there, in nanoseconds.
    fn time(&self, clock: Clock) -> u64;
    /// The number of steps of the wall clock so far, as far as anybody looked.
    fn steps(&self) -> u64;
}

/// Whether a setting of a timer of this clock has the timer told of steps.
pub(crate) fn watches_steps(clock: Clock, new: &TimerSpec) -> bool {
    new.is_canceled_by_steps() && clock.without_alarm() == Clock::Realtime
}

impl State {
    /// Sets a timer of this clock; what was left of the old setting. The error that tells of a step comes though the new one is in force.
    #[inline]
    pub(crate) fn settime(&mut self, world: &impl World, clock: Clock, new: &TimerSpec) -> io::Result<TimerSpec> {
        let runs_on = match (clock, new.initial()) {
            (Clock::Realtime, Initial::After(_)) => Clock::Monotonic,
            _ => clock.without_alarm(),
        };
        let now = world.time(runs_on);
        let now_of_old = if self.runs_on == runs_on { now } else { world.time(self.runs_on) };
        self.discard(now_of_old)?;
        let old = self.report(now_of_old);
        self.set(new, runs_on, now);
        if self.watch_steps(world, watches_steps(clock, new), new.is_armed()) {
            return Err(os_error(ECANCELED));
        }
        Ok(old)
    }

    /// Begins or ends to watch for steps; whether there was one under the old setting and the new one is to be told.
    #[inline]
    fn watch_steps(&mut self, world: &impl World, watches: bool, arms: bool) -> bool {
        match (watches, &mut self.watch) {
            (true, Some(watch)) => {
                let steps = world.steps();
                // What was shown is gone with the old setting. A disarmed timer keeps the error for the next read.
                watch.show(steps);
                arms && watch.tell(steps)
            }
            (true, none) => {
                *none = Some(Box::new(StepWatch::new(world.steps())));
                false
            }
            (false, watch) => {
                *watch = None;
                false
            }
        }
    }

    /// Somebody asks what is left: the time at which to [`report`](State::report) it, and whether the timer may be needed to be looked at at
    /// another time than before.
    #[inline]
    pub(crate) fn asked(&mut self, world: &impl World) -> io::Result<(u64, bool)> {
        self.show_step_if_any(world);
        let now = world.time(self.runs_on);
        Ok((now, self.settle(now)?))
    }

    /// Makes the timer readable if there was a step.
    #[inline]
    pub(crate) fn show_step_if_any(&mut self, world: &impl World) {
        let Some(watch) = &mut self.watch else { return };
        if watch.show(world.steps()) {
            self.show_step(world.time(self.runs_on));
        }
    }

    /// Tells of a step, by an error, if there is one to be told of. It counts as shown too.
    #[inline]
    fn tell_step(&mut self, world: &impl World) -> io::Result<()> {
        let Some(mut watch) = self.watch.as_deref().copied() else { return Ok(()) };
        let steps = world.steps();
        watch.show(steps);
        let is_told = watch.tell(steps);
        if is_told {
            self.cancel(world.time(self.runs_on))?;
        }
        // Not before: who gets another error is told the next time.
        self.watch.iter_mut().for_each(|known| **known = watch);
        if is_told {
            Err(os_error(ECANCELED))
        } else {
            Ok(())
        }
    }

    /// All expirations not yet read, beside those just `read` from the latch.
    #[inline]
    pub(crate) fn collect(&mut self, world: &impl World, read: u64) -> io::Result<u64> {
        self.tell_step(world)?;
        self.take_all(read, world.time(self.runs_on))
    }

    /// The same, beside a `count` just read from the latch, which had been empty after the `last` message.
    pub(crate) fn collect_from(&mut self, world: &impl World, count: u64, last: u32) -> io::Result<u64> {
        match self.origin(last) {
            Origin::Current => self.collect(world, count),
            // As if it had been read before the other was put: nothing of now is to be mixed with it.
            Origin::Unknown if count > 0 => self.tell_step(world).map(|()| count),
            // As if it had been discarded before it was read.
            Origin::Void | Origin::Unknown => self.collect(world, 0),
        }
    }

    /// The expirations up to now, without waiting for any.
    #[inline]
    pub(crate) fn try_read(&mut self, world: &impl World) -> io::Result<u64> {
        let mut present = self.collect(world, 0)?;
        if present == 0 {
            present = self.take_foreign()?;
        }
        if present == 0 {
            return Err(os_error(EAGAIN));
        }
        Ok(present)
    }
}
