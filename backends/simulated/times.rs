//! The clocks of a simulated machine. Pure: they advance only by these calls.

use crate::backends::emulation::clock_change::Clocks;
use crate::backends::emulation::schedule::NEVER;
use crate::clock::Clock;

/// The last time that a clock shows. A timer that is due at [`NEVER`] never expires.
const LAST: u64 = NEVER - 1;

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    monotonic: u64,
    boottime: u64,
    realtime: u64,
    /// The number of changes of the wall clock.
    changes: u64,
}

impl Times {
    /// Each clock shows a different time, so that code which confuses two clocks fails. No clock is
    /// near zero, so that a time in the past can be expressed.
    pub(super) const START: Times =
        Times { monotonic: 1_000 * SECOND, boottime: 2_000 * SECOND, realtime: 1_000_000_000 * SECOND, changes: 0 };

    /// Advances all clocks.
    pub(super) fn advance(&mut self, by: u64) {
        for time in [&mut self.monotonic, &mut self.boottime, &mut self.realtime] {
            *time = later(*time, by);
        }
    }

    /// Advances the clocks that count suspends. For the wall clock, this is a clock change.
    pub(super) fn suspend(&mut self, by: u64) {
        self.boottime = later(self.boottime, by);
        self.set_realtime(later(self.realtime, by));
    }

    /// Sets the wall clock. Setting it to the present time is no clock change.
    pub(super) fn set_realtime(&mut self, time: u64) {
        let before = std::mem::replace(&mut self.realtime, time.min(LAST));
        self.changes += u64::from(before != self.realtime);
    }
}

impl Clocks for Times {
    fn now(&self, clock: Clock) -> u64 {
        match clock.without_alarm() {
            Clock::Realtime => self.realtime,
            Clock::Boottime => self.boottime,
            _ => self.monotonic,
        }
    }

    fn changes(&self) -> u64 {
        self.changes
    }
}

fn later(time: u64, by: u64) -> u64 {
    time.saturating_add(by).min(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Boottime, Clock::Realtime];

    /// Returns by how much each clock has advanced, and the number of clock changes.
    fn moved(act: impl FnOnce(&mut Times)) -> ([i64; 3], u64) {
        let mut times = Times::START;
        act(&mut times);
        (CLOCKS.map(|clock| times.now(clock) as i64 - Times::START.now(clock) as i64), times.changes())
    }

    #[test]
    fn advance_moves_all_clocks_and_suspend_all_except_the_monotonic_one() {
        assert_eq!(moved(|times| times.advance(7)), ([7, 7, 7], 0));
        assert_eq!(moved(|times| times.suspend(7)), ([0, 7, 7], 1));
        assert_eq!(moved(|times| times.suspend(0)), ([0, 0, 0], 0));
    }

    #[test]
    fn set_realtime_moves_only_the_wall_clock_and_counts_a_change_if_the_time_differs() {
        let now = Times::START.realtime;
        assert_eq!(moved(|times| times.set_realtime(now - 5)), ([0, 0, -5], 1));
        assert_eq!(moved(|times| times.set_realtime(now)), ([0, 0, 0], 0));
    }

    #[test]
    fn clocks_stop_one_nanosecond_before_never() {
        let mut times = Times::START;
        times.advance(NEVER);
        times.suspend(u64::MAX);
        times.set_realtime(NEVER);
        assert_eq!(CLOCKS.map(|clock| times.now(clock)), [NEVER - 1; 3]);
    }
}
