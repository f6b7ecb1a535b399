//! Taking the entries that are due.

use std::io;

use super::expired::Expired;
use super::schedule::Due;
use super::TimerSet;
use crate::timer::Timer;

impl<T, M: Timer> TimerSet<T, M> {
    /// Returns the next entry that is due, or `None` if there is none.
    ///
    /// When the descriptor is readable, call this method in a loop. The method never waits, and you
    /// may call it at any time.
    ///
    /// A *drain* begins with the first call, and ends when a call returns `None` or an error. The
    /// drain returns the entries that are due when it begins, in the order of their deadlines.
    /// Entries with the same deadline are returned in the order of their insertion. Re-arming an
    /// entry does not change that order. If the set has entries of two clocks, the entry that is
    /// overdue for the longest time comes first.
    ///
    /// The set may be changed during a drain. An entry that is removed or re-armed before the drain
    /// reaches it is not returned. An entry that is inserted or re-armed belongs to the next drain,
    /// even if it is already due. So every drain ends, even if the caller inserts an entry for each
    /// entry that is returned.
    ///
    /// An entry that expires once is removed from the set and returned with its value. A periodic
    /// entry is returned once, with the number of its expirations up to the beginning of the drain.
    /// It stays in the set.
    ///
    /// The caller may stop before the method returns `None`. The descriptor then stays readable,
    /// and later calls continue the same drain.
    ///
    /// # Errors
    ///
    /// - `ECANCELED`: the wall clock was changed, see
    ///   [`report_clock_changes`](TimerSet::report_clock_changes). The error takes the place of
    ///   `None`.
    /// - Those of [`Timer::set`] and [`Timer::now`]. If an entry is due, the descriptor is
    ///   readable, and the caller can try again.
    ///
    /// An error comes before the first entry of a drain, or after the last one. The set does not
    /// return the entries of that drain again. So if the caller collects entries, it must keep them
    /// after an error. After an error, an edge-triggered poller does not report the descriptor
    /// again.
    pub fn next_expired(&mut self) -> io::Result<Option<Expired<T>>> {
        let begun = if self.schedule.is_draining() { None } else { Some(self.times()?) };
        if let Some(now) = begun {
            self.schedule.begin_drain(now);
        }
        match self.schedule.next_due() {
            Some(due) => Ok(Some(self.expired(due))),
            None => self.end_drain(begun).map(|()| None),
        }
    }

    /// Turns reports of changes of the wall clock on or off. They are off at first.
    ///
    /// If reports are on, a change of the wall clock makes the descriptor readable, even if the set
    /// is empty. At the end of a drain, `next_expired` then returns `ECANCELED` once.
    /// [`is_clock_change`](crate::is_clock_change) recognizes this error. No entry is lost. The end
    /// of a suspend is a clock change too. Changes before this call are not reported. If the set is
    /// not on a wall clock, the call has no effect.
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
    ///
    /// loop {
    ///     match set.next_expired() {
    ///         Ok(Some(expired)) => assert_eq!(expired.value, Some("noon")),
    ///         Ok(None) => break,
    ///         Err(e) if is_clock_change(&e) => println!("the clock was changed"),
    ///         Err(e) => return Err(e),
    ///     }
    /// }
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
        if let Err(e) = self.arm(until, false) {
            self.reports_clock_changes = before;
            return Err(e);
        }
        // Changes before this call are not reported.
        self.has_unreported_change = false;
        Ok(())
    }

    /// Returns whether a drain has begun and not ended.
    #[cfg(feature = "async-io")]
    pub(crate) fn is_draining(&self) -> bool {
        self.schedule.is_draining()
    }

    fn expired(&self, due: Due<T>) -> Expired<T> {
        let deadline = self.clock_time(due.base, due.deadline);
        Expired { key: due.key, deadline, count: due.count, value: due.value }
    }
}
