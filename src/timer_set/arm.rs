//! Arms the timer of a set for the first deadline.
//!
//! A set on a wall clock has entries on two bases. A timer that is set to an absolute time follows
//! clock changes; a relative setting does not. If entries are on both bases, the timer is set to an
//! absolute time with `cancel_on_set`, and the set computes that time again after a clock change.
//!
//! The timer is never read. A new setting discards the unread expirations, and reports a clock
//! change as a read would. So if the call fails, the descriptor is still readable.

use std::io;
use std::time::Duration;

use super::base::Base;
use super::schedule::{Setting, Times};
use super::TimerSet;
use crate::backends::emulation::schedule::{nanos, NEVER};
use crate::backends::sys::clock::max_slew_ppm;
use crate::backends::sys::error::{os_error, ECANCELED};
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::errors::is_clock_change;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// The most times that one call sets the timer. It repeats if the wall clock was changed meanwhile,
/// or if the setting came too late.
const MAX_TRIES: u32 = 4;

/// The longest time, in nanoseconds, from a clock reading to the end of the call that makes a
/// relative setting. If it takes longer, the timer is set again.
const MAX_DELAY: u64 = 1_000_000;

/// A setting of the timer, and what it means.
struct Plan {
    spec: TimerSpec,
    armed: Armed,
    /// If the setting is relative, the time of the steady clock that it was computed from.
    relative_since: Option<u64>,
}

impl Plan {
    fn absolute(spec: TimerSpec, armed: Armed) -> Plan {
        Plan { spec, armed, relative_since: None }
    }
}

/// What the timer is set to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Armed {
    /// The timer becomes readable at these times at the latest, or if the wall clock is changed.
    until: Times,
    /// Whether the timer is set to a time of the wall clock.
    by_wall: bool,
    /// Whether a clock change makes the timer readable.
    cancel_on_set: bool,
}

impl Armed {
    pub(super) const DISARMED: Armed = Armed { until: [NEVER; 2], by_wall: false, cancel_on_set: false };

    /// It is unknown what the timer is set to, because a call of `set` has panicked or failed.
    const UNKNOWN: Armed = Armed { until: [NEVER; 2], by_wall: true, cancel_on_set: false };

    /// The timer is set to a time in the past.
    const READABLE: Armed = Armed { until: [0; 2], by_wall: true, cancel_on_set: true };

    /// Returns whether the timer will be readable when an entry with this setting is due.
    #[inline]
    pub(super) fn covers(&self, setting: Setting) -> bool {
        setting.deadline >= self.until[setting.base as usize]
    }

    /// Returns whether the timer cannot be readable.
    ///
    /// If the timer counts on the wall clock, that is not known: the clock may have been set back
    /// after the timer has expired.
    fn is_unreadable(&self, now: Times) -> bool {
        !self.by_wall && self.until[Base::Steady as usize] > now[Base::Steady as usize]
    }
}

/// Returns the clock that durations count on, for timers of `clock`.
///
/// For [`RealtimeAlarm`](Clock::RealtimeAlarm) it is the boot-time clock, because an alarm must
/// wake the system after the duration.
pub(super) fn steady_clock(clock: Clock) -> Clock {
    match clock {
        Clock::Realtime => Clock::Monotonic,
        Clock::RealtimeAlarm => Clock::Boottime,
        other => other.without_alarm(),
    }
}

impl<T, M: Timer> TimerSet<T, M> {
    /// Returns the present time of a base.
    #[inline]
    pub(super) fn time(&self, base: Base) -> io::Result<u64> {
        Ok(nanos(self.timer.now(self.clock_of(base))?.since_zero()))
    }

    /// Returns the present time of each base, or zero if a drain does not need it.
    pub(super) fn times(&self) -> io::Result<Times> {
        let is_armed_by_steady = !self.armed.by_wall && self.armed.until[Base::Steady as usize] != NEVER;
        let needs_steady = is_armed_by_steady || self.schedule.uses(Base::Steady);
        let steady = if needs_steady { self.time(Base::Steady)? } else { 0 };
        let wall = if self.schedule.uses(Base::Wall) { self.time(Base::Wall)? } else { 0 };
        Ok([steady, wall])
    }

    /// Arms the timer for an entry with this setting, unless it will be readable in time.
    #[inline]
    pub(super) fn cover(&mut self, setting: Setting) -> io::Result<()> {
        if self.armed.covers(setting) {
            return Ok(());
        }
        self.arm_earlier(setting)
    }

    #[cold]
    fn arm_earlier(&mut self, setting: Setting) -> io::Result<()> {
        // Not if the timer is disarmed, or its setting is unknown.
        let has_deadline = self.armed.until != Armed::UNKNOWN.until;
        let mut until = if has_deadline { self.armed.until } else { self.schedule.first_deadlines() };
        let first = &mut until[setting.base as usize];
        *first = setting.deadline.min(*first);
        self.arm(until, true)
    }

    /// Ends a drain: arms the timer for the first deadline, and reports a clock change. `begun` is
    /// the time of the clocks if the drain began in this call. If it began earlier, the timer may
    /// have expired since, so it is always set.
    pub(super) fn end_drain(&mut self, begun: Option<Times>) -> io::Result<()> {
        self.schedule.end_drain();
        if !begun.is_some_and(|now| self.armed.is_unreadable(now)) {
            let until = self.schedule.first_deadlines();
            self.arm(until, false)?;
        }
        if std::mem::take(&mut self.has_unreported_change) && self.reports_clock_changes {
            return Err(os_error(ECANCELED));
        }
        Ok(())
    }

    /// Arms the timer so that it is readable at these times at the latest. If
    /// `wakes_on_change`, a clock change that a drain must report makes it readable at once.
    ///
    /// If that fails, the timer stays as it was, or it is readable.
    pub(super) fn arm(&mut self, mut until: Times, wakes_on_change: bool) -> io::Result<()> {
        for tries in 0..MAX_TRIES {
            if wakes_on_change && self.reports_clock_changes && self.has_unreported_change {
                until[Base::Wall as usize] = 0;
            }
            match self.set_timer(until) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(e) if tries == 0 => return Err(e),
                // An earlier try may have left a setting that was computed before a clock change.
                Err(e) => return self.wake_at_once().and(Err(e)),
            }
        }
        self.wake_at_once()
    }

    /// Sets the timer once. Returns `false` if the wall clock may have been changed meanwhile, or
    /// if the setting came too late.
    ///
    /// If that fails, nothing changes.
    fn set_timer(&mut self, until: Times) -> io::Result<bool> {
        let Plan { spec, armed, relative_since } = self.plan(until)?;
        let before = std::mem::replace(&mut self.armed, Armed::UNKNOWN);
        let result = self.timer.set(&spec);
        self.armed = armed;
        match result {
            // A clock change between the reading and this call is not reported. So the setting is
            // computed again, now that changes are reported.
            Ok(()) if armed.cancel_on_set && !before.cancel_on_set => Ok(false),
            Ok(()) => Ok(!relative_since.is_some_and(|since| self.is_long_ago(since))),
            // The setting is in force, but was computed from the time before the change.
            Err(e) if is_clock_change(&e) => {
                self.has_unreported_change = true;
                Ok(false)
            }
            Err(e) => {
                self.armed = before;
                Err(e)
            }
        }
    }

    /// Returns whether more than [`MAX_DELAY`] has passed since the steady clock was read.
    fn is_long_ago(&self, since: u64) -> bool {
        self.time(Base::Steady).is_ok_and(|now| now.saturating_sub(since) > MAX_DELAY)
    }

    /// Makes the descriptor readable, without a clock reading. The drain that follows sets the
    /// timer anew.
    fn wake_at_once(&mut self) -> io::Result<()> {
        self.armed = Armed::UNKNOWN;
        match self.timer.set(&at(self.timer.clock().without_alarm(), 0).cancel_on_set()) {
            Err(e) if is_clock_change(&e) => self.has_unreported_change = true,
            result => result?,
        }
        self.armed = Armed::READABLE;
        Ok(())
    }

    fn plan(&self, until: Times) -> io::Result<Plan> {
        let [steady, wall] = until;
        if !self.is_on_wall_clock() {
            let spec = if steady == NEVER { TimerSpec::disarmed() } else { at(self.steady, steady) };
            return Ok(Plan::absolute(spec, Armed { until, by_wall: false, cancel_on_set: false }));
        }
        if self.reports_clock_changes || (steady != NEVER && (wall != NEVER || self.timer.clock().is_alarm())) {
            return self.plan_on_both(until);
        }
        let armed = Armed { until, by_wall: wall != NEVER, cancel_on_set: false };
        match until {
            [NEVER, NEVER] => Ok(Plan::absolute(TimerSpec::disarmed(), armed)),
            [NEVER, wall] => Ok(Plan::absolute(at(Clock::Realtime, wall), armed)),
            [steady, _] => {
                let now = self.time(Base::Steady)?;
                let spec = TimerSpec::after(Duration::from_nanos(steady.saturating_sub(now)));
                Ok(Plan { spec, armed, relative_since: Some(now) })
            }
        }
    }

    /// Returns a setting at a time of the wall clock, canceled by a clock change.
    fn plan_on_both(&self, [steady, wall]: Times) -> io::Result<Plan> {
        let (mut until, mut due) = ([NEVER; 2], wall);
        if steady != NEVER {
            // The wall clock is read first. If the thread is preempted between the two readings,
            // the timer is set too early, and not too late.
            let (wall_now, steady_now) = (self.time(Base::Wall)?, self.time(Base::Steady)?);
            due = due.min(wall_now.saturating_add(min_wall_advance(steady.saturating_sub(steady_now))));
            let left = due.saturating_sub(wall_now);
            until[Base::Steady as usize] = steady.min(steady_now.saturating_add(max_steady_advance(left)));
        }
        until[Base::Wall as usize] = due;
        // Without entries, the timer is set to `NEVER`. If it were disarmed, `set` would not report
        // a clock change.
        let armed = Armed { until, by_wall: true, cancel_on_set: true };
        Ok(Plan::absolute(at(Clock::Realtime, due).cancel_on_set(), armed))
    }
}

/// Returns the least by which the wall clock advances while the steady clock advances by this many
/// nanoseconds, without a clock change.
///
/// Some platforms slew the wall clock alone. There, the timer may expire too early, and the set
/// arms it again.
fn min_wall_advance(nanos: u64) -> u64 {
    nanos - nanos / 1_000_000 * u64::from(max_slew_ppm())
}

/// Returns the most by which the steady clock advances while the wall clock advances by this many
/// nanoseconds.
fn max_steady_advance(nanos: u64) -> u64 {
    let slew = u64::from(max_slew_ppm());
    nanos.saturating_add((nanos / (1_000_000 - slew) + 1).saturating_mul(slew))
}

fn at(clock: Clock, nanos: u64) -> TimerSpec {
    TimerSpec::at(ClockTime::new(clock, Duration::from_nanos(nanos)))
}
