//! Property tests: compares the schedule and the queues to naive models of them.

use proptest::prelude::*;

use super::queue::{QueueEntry, Queues};
use super::schedule::{Schedule, NEVER};

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
