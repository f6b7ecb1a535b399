//! Random scripts of calls on one timer and of changes of the clocks.

use crate::{Clock, ClockTime, TimerSpec};
use proptest::prelude::*;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Settime {
        first: First,
        interval: u64,
        cancel_on_set: bool,
    },
    Gettime,
    Read,
    RawRead,
    Poll,
    Pass(u64),
    Step(i64),
    Suspend(u64),
    /// Makes pipes refuse writes until the next poll, raw read or clock change.
    RefuseWrites,
}

#[derive(Clone, Copy, Debug)]
pub enum First {
    Disarmed,
    After(u64),
    /// An absolute time, this much after or before now.
    At(i64),
}

impl First {
    /// Returns the setting of a timer whose clock shows `now`.
    pub fn spec(self, interval: u64, cancel_on_set: bool, now: ClockTime) -> TimerSpec {
        let spec = match self {
            First::Disarmed => TimerSpec::disarmed(),
            First::After(delay) => TimerSpec::after(Duration::from_nanos(delay)),
            First::At(offset) => {
                let by = Duration::from_nanos(offset.unsigned_abs());
                TimerSpec::at(if offset < 0 { now - by } else { now + by })
            }
        };
        let spec = if cancel_on_set { spec.cancel_on_set() } else { spec };
        spec.every(Duration::from_nanos(interval))
    }

    /// Returns the clock that the setting of a timer of this clock runs on.
    pub fn runs_on(self, clock: Clock) -> Clock {
        match (clock, self) {
            (Clock::Realtime, First::After(_)) => Clock::Monotonic,
            (clock, _) => clock.without_alarm(),
        }
    }

    /// Returns the first expiration, if the clock that the setting runs on shows `now`.
    pub fn expiration(self, now: u64) -> Option<u64> {
        match self {
            First::Disarmed => None,
            First::After(delay) => Some(now.saturating_add(delay)),
            First::At(offset) => Some(now.saturating_add_signed(offset).max(1)),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Script {
    pub clock: Clock,
    pub ops: Vec<Op>,
    /// The seed for the order of the threads.
    pub schedule: u64,
}

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, schedule {}", self.clock, self.schedule)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "    {op:?},"))
    }
}

/// Nanoseconds of any magnitude.
fn nanos(bits: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = u64> {
    (bits, any::<u64>()).prop_map(|(bits, random)| (1 << bits) | (random & ((1 << bits) - 1)))
}

pub fn script() -> impl Strategy<Value = Script> {
    let offset =
        || (nanos(0..=36), any::<bool>()).prop_map(|(nanos, past)| if past { -(nanos as i64) } else { nanos as i64 });
    // Smaller clock steps are not always detected.
    let step =
        (nanos(24..=36), any::<bool>()).prop_map(|(nanos, back)| if back { -(nanos as i64) } else { nanos as i64 });
    let first = prop_oneof![
        1 => Just(First::Disarmed),
        2 => prop_oneof![Just(0), nanos(0..=62), nanos(0..=30)].prop_map(First::After),
        4 => offset().prop_map(First::At),
    ];
    let interval = prop_oneof![1 => Just(0), 1 => Just(1), 4 => nanos(0..=36), 1 => nanos(36..=62)];
    let op = prop_oneof![
        3 => (first, interval, prop::bool::weighted(0.4)).prop_map(|(first, interval, cancel_on_set)| Op::Settime { first, interval, cancel_on_set }),
        2 => Just(Op::Gettime),
        3 => Just(Op::Read),
        2 => Just(Op::RawRead),
        2 => Just(Op::Poll),
        3 => nanos(0..=34).prop_map(Op::Pass),
        3 => step.prop_map(Op::Step),
        1 => nanos(24..=36).prop_map(Op::Suspend),
        1 => Just(Op::RefuseWrites),
    ];
    let clock = prop_oneof![
        4 => Just(Clock::Realtime),
        1 => Just(Clock::Monotonic),
        1 => Just(Clock::Boottime),
        1 => Just(Clock::RealtimeAlarm),
    ];
    let ops = prop::collection::vec(op, 1..40);
    (clock, ops, any::<u64>()).prop_map(|(clock, ops, schedule)| Script { clock, ops, schedule })
}
