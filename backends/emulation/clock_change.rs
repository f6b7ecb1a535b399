//! The clocks as timers see them. Detects changes of the wall clock, and records to which timers
//! they were reported. All readings of the clocks are arguments.

use crate::backends::sys::clock::WallOffset;
use crate::clock::Clock;

/// The clocks that a timer depends on.
pub(crate) trait Clocks {
    /// The present time of a clock that exists, in nanoseconds.
    fn now(&self, clock: Clock) -> u64;
    /// The number of changes of the wall clock that are detected so far.
    fn changes(&self) -> u64;
}

/// The largest change of the offset, in nanoseconds, that is never a clock change, in addition to
/// the errors of the readings and to slewing. A clock with a coarse resolution needs it.
const TOLERANCE: u64 = 50_000;

/// Counts the changes of the wall clock. A change of its offset from the monotonic clock counts
/// unless slewing or an inaccurate reading explains it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClockChangeDetector {
    known: Option<Known>,
    changes: u64,
}

/// The result of the readings since the last change: at `time`, the offset was in this range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    time: u64,
    lowest: i64,
    highest: i64,
}

impl ClockChangeDetector {
    /// Adds a reading, and returns the number of changes so far. Slewing changes the offset by
    /// at most `max_slew_ppm` parts per million of the elapsed time.
    pub(crate) fn add(&mut self, reading: WallOffset, max_slew_ppm: u32) -> u64 {
        let read = Known::of(reading);
        let known = self.known.unwrap_or(read).slewed_until(reading, max_slew_ppm);
        self.known = Some(if known.distance(read) > TOLERANCE {
            self.changes += 1;
            read
        } else {
            known.narrowed(read)
        });
        self.changes
    }
}

impl Known {
    fn of(WallOffset { time, offset, error }: WallOffset) -> Known {
        let (lowest, highest) = around(offset, offset, error);
        Known { time, lowest, highest }
    }

    /// The range in which slewing may have left the offset by the end of a reading.
    fn slewed_until(self, reading: WallOffset, max_slew_ppm: u32) -> Known {
        let end = reading.time.saturating_add(reading.error.saturating_mul(2));
        let slew = u128::from(end.saturating_sub(self.time)) * u128::from(max_slew_ppm) / 1_000_000;
        let (lowest, highest) = around(self.lowest, self.highest, u64::try_from(slew).unwrap_or(u64::MAX));
        Known { time: reading.time, lowest, highest }
    }

    /// How far the ranges are apart; 0 if they overlap.
    fn distance(self, read: Known) -> u64 {
        let (lowest, highest) = (self.lowest.max(read.lowest), self.highest.min(read.highest));
        if lowest > highest {
            lowest.abs_diff(highest)
        } else {
            0
        }
    }

    /// The part of `read` that the earlier readings allow, or else its end that is nearest to them.
    /// An inaccurate reading so loses nothing of what an accurate one has shown.
    fn narrowed(self, read: Known) -> Known {
        Known {
            time: self.time,
            lowest: self.lowest.clamp(read.lowest, read.highest),
            highest: self.highest.clamp(read.lowest, read.highest),
        }
    }
}

fn around(lowest: i64, highest: i64, by: u64) -> (i64, i64) {
    (lowest.saturating_sub_unsigned(by), highest.saturating_add_unsigned(by))
}

/// Which clock changes were reported to one timer with the `cancel_on_set` flag. Each field is a
/// number of changes. A thread may come with a number that another thread has already exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Reported by `ECANCELED`.
    reported: u64,
    /// Signalled by making the descriptor readable.
    signalled: u64,
}

impl Subscription {
    /// Subscribes to the changes after this number.
    pub(crate) const fn new(changes: u64) -> Subscription {
        Subscription { reported: changes, signalled: changes }
    }

    /// Marks all changes as signalled. Returns whether there was one that was not.
    pub(crate) fn signal(&mut self, changes: u64) -> bool {
        let is_new = changes > self.signalled;
        self.signalled = self.signalled.max(changes);
        is_new
    }

    /// Marks all changes as reported. Returns whether there was one that was not.
    pub(crate) fn report(&mut self, changes: u64) -> bool {
        let is_new = changes > self.reported;
        self.reported = self.reported.max(changes);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;
    const SECOND: u64 = 1_000_000_000;

    /// The number of changes after each reading. A reading is a time, an offset and an error.
    fn changes<const N: usize>(max_slew_ppm: u32, readings: [(u64, i64, u64); N]) -> [u64; N] {
        let mut detector = ClockChangeDetector::default();
        readings.map(|(time, offset, error)| detector.add(WallOffset { time, offset, error }, max_slew_ppm))
    }

    #[test]
    fn a_jump_of_the_offset_is_a_clock_change_and_noise_is_not() {
        let offsets = [7_000_000_000, 7_000_040_000, 7_000_000_000, 9_000_000_000, 9_000_000_000, -5];
        assert_eq!(changes(0, offsets.map(|offset| (0, offset, 100))), [0, 0, 0, 1, 1, 2]);
    }

    #[test]
    fn an_inaccurate_reading_is_no_clock_change_and_hides_none() {
        let (inaccurate, stepped) = ((0, 4_000_000, 5_000_000), (0, 4_000_000, 100));
        let readings = [inaccurate, (0, 0, 100), inaccurate, (0, 0, 100), inaccurate, stepped];
        assert_eq!(changes(0, readings), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn an_inaccurate_first_reading_hides_no_clock_change() {
        assert_eq!(changes(0, [(0, 0, 5_000_000), (0, 0, 100), (0, 60_000, 100)]), [0, 0, 1]);
    }

    #[test]
    fn without_slewing_a_change_of_51_microseconds_is_detected_after_any_pause() {
        for pause in [MILLISECOND, SECOND, 3_600 * SECOND, u64::MAX] {
            for step in [51_000, -51_000] {
                assert_eq!(changes(0, [(0, 0, 0), (pause, step, 0)]), [0, 1], "{step} after {pause}");
                assert_eq!(changes(0, [(0, 0, 0), (pause, step / 51 * 49, 0)]), [0, 0], "{step} after {pause}");
            }
        }
    }

    #[test]
    fn a_clock_change_must_exceed_the_largest_slew() {
        for pause in [250 * MILLISECOND, SECOND, 3_600 * SECOND] {
            let slewed = (pause / 200) as i64;
            for sign in [1, -1] {
                assert_eq!(changes(5_000, [(0, 0, 0), (pause, sign * slewed, 0)]), [0, 0], "{pause}");
                assert_eq!(changes(5_000, [(0, 0, 0), (pause, sign * (slewed + 51_000), 0)]), [0, 1], "{pause}");
            }
        }
    }

    #[test]
    fn a_change_of_10_milliseconds_within_a_second_is_detected_at_the_usual_limits_of_slewing() {
        for step in [10_000_000, -10_000_000] {
            assert_eq!(changes(5_500, [(0, 0, 1_000), (SECOND, step, 1_000)]), [0, 1]);
        }
    }

    /// The thread is preempted for a second after it has read the monotonic clock.
    #[test]
    fn slewing_during_a_reading_is_no_clock_change() {
        assert_eq!(changes(5_000, [(0, 0, 0), (0, 505_000_000, 500_000_000)]), [0, 0]);
    }

    #[test]
    fn a_suspend_that_stops_the_monotonic_clock_is_a_clock_change() {
        let resumed = SECOND + MILLISECOND;
        assert_eq!(changes(5_500, [(SECOND, 0, 100), (resumed, 60_000_000, 100)]), [0, 1]);
    }

    #[test]
    fn the_ends_of_the_number_range_do_not_overflow() {
        let far = [(u64::MAX, i64::MAX, u64::MAX), (0, i64::MIN, 0), (u64::MAX, i64::MAX, 0), (0, 0, u64::MAX)];
        assert_eq!(changes(u32::MAX, far), [0, 0, 0, 0]);
        assert_eq!(changes(0, far), [0, 0, 1, 1]);
    }

    #[test]
    fn several_clock_changes_are_signalled_and_reported_once() {
        let mut subscription = Subscription::new(4);
        assert!(!subscription.signal(4) && !subscription.report(4), "earlier changes do not count");
        assert!(subscription.signal(6) && subscription.report(6));
        assert!(!subscription.signal(6) && !subscription.report(6));
        assert!(!subscription.signal(5) && !subscription.report(5), "another thread has seen more");
        assert!(!subscription.signal(6) && !subscription.report(6));
    }
}
