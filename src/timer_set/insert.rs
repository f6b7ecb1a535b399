//! Inserting and re-arming entries.

use std::io;
use std::time::Duration;

use super::base::Base;
use super::schedule::Setting;
use super::slots::Key;
use super::TimerSet;
use crate::backends::emulation::schedule::{nanos, NEVER};
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::errors::ClockMismatch;
use crate::spec::{Initial, TimerSpec};
use crate::timer::{periodic, Timer};

impl<T, M: Timer> TimerSet<T, M> {
    /// Inserts an entry that expires once, after `delay`. A zero `delay` means *now*.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](TimerSet::insert).
    #[inline]
    pub fn insert_after(&mut self, delay: Duration, value: T) -> io::Result<Key> {
        self.insert(&TimerSpec::after(delay), value)
    }

    /// Inserts an entry that expires once, at `time`. A time in the past means *now*.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](TimerSet::insert).
    #[inline]
    pub fn insert_at(&mut self, time: ClockTime, value: T) -> io::Result<Key> {
        self.insert(&TimerSpec::at(time), value)
    }

    /// Inserts an entry that expires after each `interval`, first one interval from now.
    ///
    /// The entry stays in the set, with its value:
    ///
    /// ```
    /// # use portable_timerfd::{Clock, SimulatedClock, TimerSet};
    /// # use std::time::Duration;
    /// # let clock = SimulatedClock::new();
    /// # let mut set = TimerSet::with_timer(clock.timer(Clock::Monotonic)?)?;
    /// set.insert_every(Duration::from_secs(10), "heartbeat")?;
    /// # clock.advance(Duration::from_secs(25));
    /// if let Some(expired) = set.next_expired()? {
    ///     assert_eq!(set.get(expired.key), Some(&"heartbeat"));
    /// #   assert_eq!((expired.count, expired.value), (2, None));
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` if `interval` is zero; otherwise those of [`insert`](TimerSet::insert).
    pub fn insert_every(&mut self, interval: Duration, value: T) -> io::Result<Key> {
        self.insert(&periodic(interval)?, value)
    }

    /// Inserts an entry with the setting `spec`.
    ///
    /// If `spec` is [disarmed](TimerSpec::disarmed), the entry does not expire until it is
    /// [re-armed](TimerSet::rearm). [`cancel_on_set`](TimerSpec::cancel_on_set) has no effect on an
    /// entry: see [`report_clock_changes`](TimerSet::report_clock_changes).
    ///
    /// # Errors
    ///
    /// - [`ClockMismatch`]: `spec` is a time of a clock that [the set does not
    ///   accept](TimerSet#clocks).
    /// - [`OutOfMemory`](io::ErrorKind::OutOfMemory): no memory is left, or the set has 2³⁰−1
    ///   entries.
    /// - Those of [`Timer::now`] if `spec` is a duration.
    /// - Those of [`Timer::set`], except `ECANCELED`, if the call must set the timer.
    ///
    /// After an error, `value` is dropped and the set is unchanged.
    #[inline]
    pub fn insert(&mut self, spec: &TimerSpec, value: T) -> io::Result<Key> {
        let setting = self.setting(spec)?;
        self.schedule.reserve_one()?;
        self.cover(setting)?;
        Ok(self.schedule.insert(setting, value))
    }

    /// Changes an entry to expire once, after `delay`.
    ///
    /// Returns `false` if the entry is not in the set.
    ///
    /// # Errors
    ///
    /// Those of [`rearm`](TimerSet::rearm).
    #[inline]
    pub fn rearm_after(&mut self, key: Key, delay: Duration) -> io::Result<bool> {
        self.rearm(key, &TimerSpec::after(delay))
    }

    /// Changes an entry to expire once, at `time`.
    ///
    /// Returns `false` if the entry is not in the set.
    ///
    /// # Errors
    ///
    /// Those of [`rearm`](TimerSet::rearm).
    #[inline]
    pub fn rearm_at(&mut self, key: Key, time: ClockTime) -> io::Result<bool> {
        self.rearm(key, &TimerSpec::at(time))
    }

    /// Changes an entry to expire after each `interval`, first one interval from now.
    ///
    /// Returns `false` if the entry is not in the set.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `interval` is zero; otherwise those of [`rearm`](TimerSet::rearm).
    pub fn rearm_every(&mut self, key: Key, interval: Duration) -> io::Result<bool> {
        self.rearm(key, &periodic(interval)?)
    }

    /// Changes when an entry expires. Returns `false` if the entry is not in the set.
    ///
    /// If the entry expires later than before, on the same clock, the call makes no system call.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](TimerSet::insert), except `OutOfMemory`. After an error, the set is
    /// unchanged.
    #[inline]
    pub fn rearm(&mut self, key: Key, spec: &TimerSpec) -> io::Result<bool> {
        let Some(slot) = self.schedule.slots().find(key) else { return Ok(false) };
        let setting = self.setting(spec)?;
        self.cover(setting)?;
        self.schedule.rearm(slot, setting);
        Ok(true)
    }

    /// Returns when an entry with this specification expires.
    #[inline]
    fn setting(&self, spec: &TimerSpec) -> io::Result<Setting> {
        let (base, deadline) = match spec.initial() {
            Initial::Disarmed => (Base::Steady, NEVER),
            Initial::After(delay) => (Base::Steady, self.time(Base::Steady)?.saturating_add(nanos(delay)).min(NEVER)),
            Initial::At(time) => (self.base(time.clock())?, nanos(time.since_zero())),
        };
        Ok(Setting { base, deadline, interval: nanos(spec.interval()) })
    }

    /// Returns the base of the times of a clock.
    #[inline]
    fn base(&self, clock: Clock) -> Result<Base, ClockMismatch> {
        if clock == self.steady {
            Ok(Base::Steady)
        } else if clock == Clock::Realtime && self.is_on_wall_clock() {
            Ok(Base::Wall)
        } else {
            Err(ClockMismatch::new(self.timer.clock(), clock))
        }
    }
}
