//! Property tests: compares the schedule and the queues to naive models of them, and the detector
//! of clock changes to a clock that is slewed.

use proptest::prelude::*;

use super::clock_change::ClockChangeDetector;
use super::queue::{QueueEntry, Queues};
use super::schedule::{Schedule, NEVER};
use crate::backends::sys::clock::WallOffset;

/// Counts each expiration separately.
#[derive(Debug)]
struct NaiveSchedule {
    first: Option<u64>,
    interval: u64,
    counted: u64,
    committed: u64,
}

impl NaiveSchedule {
    /// The time of the expiration with this number, if there is one.
    fn time(&self, number: u64) -> Option<u64> {
        self.first.filter(|_| number == 0 || self.interval > 0).map(|first| first + number * self.interval)
    }

    fn is_past(&self, number: u64, now: u64) -> bool {
        self.time(number).is_some_and(|time| time <= now)
    }

    fn count(&mut self, now: u64) -> u64 {
        let before = self.counted;
        while self.is_past(self.counted, now) {
            self.counted += 1;
        }
        self.counted - before
    }

    fn roll_back(&mut self, unread: u64, now: u64) -> u64 {
        let before = self.counted;
        while self.interval > 0
            && self.counted > self.committed
            && before - self.counted < unread
            && !self.is_past(self.counted - 1, now)
        {
            self.counted -= 1;
        }
        before - self.counted
    }

    fn remaining(&self, now: u64) -> Option<u64> {
        let mut next = self.counted;
        while self.is_past(next, now) {
            next += 1;
        }
        self.time(next).map(|time| time - now)
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Count,
    RollBack(u64),
    Commit,
}

fn ops() -> impl Strategy<Value = Vec<(Op, u64)>> {
    let op = prop_oneof![Just(Op::Count), (0..40u64).prop_map(Op::RollBack), Just(Op::Commit)];
    prop::collection::vec((op, 0..500u64), 0..30)
}

/// Any magnitude up to the end of the scale.
fn time() -> impl Strategy<Value = u64> {
    (0..63u32, any::<u64>()).prop_map(|(bits, random)| random & (NEVER >> bits))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_schedule_counts_as_if_each_expiration_were_counted_separately(
        first in prop::option::of(1..300u64), interval in 0..60u64, ops in ops()
    ) {
        let mut schedule = Schedule::new(first, interval);
        let mut naive = NaiveSchedule { first, interval, counted: 0, committed: 0 };
        for (op, now) in ops {
            prop_assert_eq!(schedule.is_due(now), naive.is_past(naive.counted, now));
            match op {
                Op::Count => prop_assert_eq!(schedule.count(now), naive.count(now)),
                Op::RollBack(unread) => prop_assert_eq!(schedule.roll_back(unread, now), naive.roll_back(unread, now)),
                Op::Commit => {
                    schedule.commit();
                    naive.committed = naive.counted;
                }
            }
            prop_assert_eq!(schedule.next(), naive.time(naive.counted));
            prop_assert_eq!(schedule.is_committed(), naive.committed == naive.counted);
            prop_assert_eq!(schedule.remaining(now), naive.remaining(now));
        }
    }

    #[test]
    fn a_schedule_is_exact_at_any_magnitude(first in time(), interval in time(), now in time(), back in time()) {
        let mut schedule = Schedule::new(Some(first), interval);
        let (interval, late) = (u128::from(interval.max(1)), now.checked_sub(first).map(u128::from));
        let periods = if schedule.interval() == 0 { 1 } else { late.unwrap_or(0) / interval + 1 };
        let count = schedule.count(now);
        prop_assert_eq!(u128::from(count), if late.is_some() { periods } else { 0 });
        prop_assert!(!schedule.is_due(now));
        prop_assert!(schedule.remaining(now).map_or(true, |left| left > 0 && left <= NEVER));
        // Rolled back expirations expire again.
        let rolled_back = schedule.roll_back(count, back.min(now));
        prop_assert_eq!(schedule.count(now), rolled_back);
    }

    #[test]
    fn queues_pop_due_timers_in_order(
        ops in prop::collection::vec((0..8u8, 0..20u64, 0..12usize), 0..120)
    ) {
        let mut queues = Queues::<(), (), 2>::new();
        let ids: Vec<_> = (0..12).map(|_| queues.register()).collect();
        // The queue that each timer is in, if any, and when it is due.
        let mut naive = [None; 12];
        let first = |naive: &[Option<(usize, u64)>], queue| {
            let due = naive.iter().zip(&ids).filter_map(|(&queued, &id)| {
                queued.filter(|&(of, _)| of == queue).map(|(_, due)| QueueEntry { due, id })
            });
            due.min()
        };
        for (op, due, number) in ops {
            let queue = usize::from(op % 2);
            match op {
                0..=3 => {
                    queues.enqueue(ids[number], queue, due);
                    naive[number] = Some((queue, due));
                }
                4 | 5 => {
                    queues.dequeue(ids[number]);
                    naive[number] = None;
                }
                _ => {
                    let popped = first(&naive, queue).filter(|first| first.due <= due);
                    prop_assert_eq!(queues.pop_due(queue, due), popped);
                    popped.into_iter().for_each(|first| naive[ids.iter().position(|&id| id == first.id).unwrap()] = None);
                }
            }
            queues.check();
            for queue in 0..2 {
                prop_assert_eq!(queues.first(queue), first(&naive, queue));
            }
        }
    }
}

const SECOND: u64 = 1_000_000_000;

/// One reading: the pause before it, the duration of each half of it, and the slew of the clock
/// during that time in thousandths of the greatest slew.
type Reading = (u64, u64, u64, i64);

fn readings(longest_half: u64) -> impl Strategy<Value = Vec<Reading>> {
    proptest::collection::vec((0..10 * SECOND, 0..=longest_half, 0..=longest_half, -1_000i64..=1_000), 1..40)
}

/// A wall clock that is slewed by up to 5,000 ppm.
#[derive(Default)]
struct Slewed {
    time: u64,
    /// In millionths of a nanosecond.
    offset: i128,
}

impl Slewed {
    fn pass(&mut self, time: u64, part: i64) {
        self.time += time;
        self.offset += i128::from(time) * 5 * i128::from(part);
    }

    /// Reads the clocks as [`wall_offset`](crate::backends::sys::clock::wall_offset) does.
    fn read(&mut self, (pause, first, second, part): Reading) -> WallOffset {
        self.pass(pause, part);
        let before = self.time as i64;
        self.pass(first, part);
        let wall = self.time as i64 + (self.offset / 1_000_000) as i64;
        self.pass(second, part);
        let error = (first + second) / 2;
        WallOffset { time: before as u64, offset: wall - before - error as i64, error }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slewing_is_no_clock_change_whatever_the_pauses_and_the_errors(readings in readings(SECOND)) {
        let (mut clock, mut detector) = (Slewed::default(), ClockChangeDetector::default());
        for reading in readings {
            prop_assert_eq!(detector.add(clock.read(reading), 5_000), 0);
        }
    }

    #[test]
    fn a_change_larger_than_any_slew_is_detected_once(
        (before, after) in (readings(SECOND), readings(SECOND)),
        step in 1i128..SECOND.into(),
        back: bool,
    ) {
        let (mut clock, mut detector) = (Slewed::default(), ClockChangeDetector::default());
        for reading in before {
            detector.add(clock.read(reading), 5_000);
        }
        // An accurate reading before and after. In the second in between, slewing works against
        // the step.
        detector.add(clock.read((0, 0, 0, 0)), 5_000);
        let size = (step + 10_200_000) * 1_000_000;
        clock.offset += if back { -size } else { size };
        prop_assert_eq!(detector.add(clock.read((SECOND, 0, 0, if back { 1_000 } else { -1_000 })), 5_000), 1);
        for reading in after {
            prop_assert_eq!(detector.add(clock.read(reading), 5_000), 1);
        }
    }

    #[test]
    fn an_inaccurate_reading_between_accurate_ones_hides_no_clock_change(
        error in 0..SECOND,
        step in 110_000i64..=1_000_000,
    ) {
        let mut detector = ClockChangeDetector::default();
        let readings = [(0, 0), (step, error), (step, 0)];
        let changes = readings.map(|(offset, error)| detector.add(WallOffset { time: 0, offset, error }, 0));
        prop_assert_eq!(changes[2], 1);
    }
}
