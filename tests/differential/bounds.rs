//! The results that the clock allows, if a call happened between two readings of the clock. The
//! results are exact if no expiration falls between the readings.

use std::ops::RangeInclusive;

/// 2⁶³−1 nanoseconds: the end of the scale, which is never reached.
const NEVER: u128 = i64::MAX as u128;

/// Two readings of a clock in nanoseconds, with an event between them.
pub type Window = RangeInclusive<u128>;

/// A setting, as precisely as the clock tells.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The first expiration, if there is one.
    first: Option<Window>,
    interval: u128,
}

impl Setting {
    pub fn new(first: Option<Window>, interval: u128) -> Setting {
        let first = first.map(|first| *first.start().min(&NEVER)..=*first.end().min(&NEVER));
        Setting { first, interval: interval.min(NEVER) }
    }

    pub fn interval(&self) -> u128 {
        self.interval
    }

    /// Returns the time by which the timer must have expired first.
    pub fn first_at_last(&self) -> Option<u128> {
        self.first.as_ref().map(|first| *first.end())
    }

    /// Returns the possible numbers of expirations at a time in the window.
    pub fn expirations(&self, window: &Window) -> RangeInclusive<u128> {
        let Some(first) = &self.first else { return 0..=0 };
        self.count(*first.end(), *window.start())..=self.count(*first.start(), *window.end())
    }

    fn count(&self, first: u128, now: u128) -> u128 {
        match now.checked_sub(first) {
            None => 0,
            Some(_) if self.interval == 0 => 1,
            Some(late) => late / self.interval + 1,
        }
    }

    /// Returns the possible remaining times at a time in the window, including none for a timer
    /// that may be disarmed.
    pub fn left(&self, window: &Window) -> Left {
        let counts = self.expirations(window);
        let Some(first) = &self.first else { return Left { off: true, range: None } };
        let can_be_over = self.interval == 0 && *counts.end() > 0;
        let must_be_over = self.interval == 0 && *counts.start() > 0;
        let next = |first: u128, count: u128| (first + count * self.interval).min(NEVER);
        let range = if counts.start() == counts.end() {
            let (first_next, last_next) = (next(*first.start(), *counts.start()), next(*first.end(), *counts.start()));
            first_next.saturating_sub(*window.end())..=last_next.saturating_sub(*window.start())
        } else {
            0..=self.interval.max(first.end().saturating_sub(*window.start()))
        };
        Left { off: can_be_over, range: (!must_be_over).then_some(range) }
    }
}

/// The possible remaining times.
#[derive(Debug)]
pub struct Left {
    /// Whether the timer may be disarmed.
    pub off: bool,
    /// The possible remaining nanoseconds of an armed timer.
    pub range: Option<RangeInclusive<u128>>,
}

impl Left {
    pub fn allows(&self, left: Option<u128>) -> bool {
        match left {
            None => self.off,
            Some(left) => self.range.as_ref().is_some_and(|range| range.contains(&left)),
        }
    }
}
