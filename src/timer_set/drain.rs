//! Taking the entries that are due.

use std::io;

use super::expired::Expired;
use super::schedule::Due;
use super::TimerSet;
use crate::timer::Timer;

impl<T, M: Timer> TimerSet<T, M> {
    /// Returns the next entry that is due, or `None` if there is none.
    ///
    /// Call it in a loop when the descriptor is readable. The calls until `None` is returned are one
    /// *drain*. A drain returns the entries that are due when it begins, in the order of their
    /// deadlines. Entries with the same deadline are in the order of their insertion, whether they
    /// were re-armed or not. An entry that is inserted or re-armed during a drain belongs to the next
    /// one, even if it is already due. So a drain ends.
    ///
    /// An entry that expires once is removed from the set and returned with its value. A periodic
    /// entry is returned once, with the number of its expirations until the drain began, and stays in
    /// the set.
    ///
    /// The caller may stop before `None`. The descriptor then stays readable, and later calls
    /// continue the same drain.
    ///
    /// # Errors
    ///
    /// - `ECANCELED`: the wall clock was changed, see
    ///   [`report_clock_changes`](TimerSet::report_clock_changes). The error takes the place of
    ///   `None`.
    /// - Those of [`Timer::set`] and [`Timer::now`]. The descriptor stays as it was. So if an entry
    ///   is due, the descriptor is readable, and the caller can try again.
    pub fn next_expired(&mut self) -> io::Result<Option<Expired<T>>> {
        let now = match self.schedule.drain() {
            Some(now) => now,
            None => {
                let now = self.times()?;
                self.schedule.begin_drain(now);
                now
            }
        };
        match self.schedule.next_due() {
            Some(due) => Ok(Some(self.expired(due))),
            None => self.end_drain(now).map(|()| None),
        }
    }

    /// Sets whether the set reports changes of the wall clock.
    ///
    /// If so, a change makes the descriptor readable, and `next_expired` returns `ECANCELED` once, at
    /// the end of a drain; [`is_clock_change`](crate::is_clock_change) recognizes the error. No entry
    /// is lost. The end of a suspend is a clock change too. If the set is not on a wall clock, the
    /// setting has no effect.
    ///
    /// ```
    /// use portable_timerfd::{is_clock_change, Clock, SimulatedClock, TimerSet};
    /// use std::time::Duration;
    /// let clock = SimulatedClock::new();
    /// let mut set = TimerSet::with_timer(clock.timer(Clock::Realtime)?)?;
    /// set.report_clock_changes(true)?;
    /// let noon = clock.now(Clock::Realtime) + Duration::from_secs(3600);
    /// set.insert_at(noon, "noon")?;
    /// clock.set_realtime(noon)?;
    /// assert_eq!(set.next_expired()?.and_then(|expired| expired.value), Some("noon"));
    /// assert!(is_clock_change(&set.next_expired().unwrap_err()));
    /// assert!(set.next_expired()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Timer::set`], except `ECANCELED`. After an error, nothing has changed.
    pub fn report_clock_changes(&mut self, report: bool) -> io::Result<()> {
        let (before, report) = (self.reports_clock_changes, report && self.is_on_wall_clock());
        if report == before {
            return Ok(());
        }
        self.reports_clock_changes = report;
        let until = self.schedule.first_deadlines();
        if let Err(e) = self.arm(until) {
            self.reports_clock_changes = before;
            return Err(e);
        }
        // Changes before this call are not reported.
        self.has_unreported_change = false;
        Ok(())
    }

    fn expired(&self, due: Due<T>) -> Expired<T> {
        let deadline = self.clock_time(due.base, due.deadline);
        Expired { key: due.key, deadline, count: due.count, value: due.value }
    }
}
