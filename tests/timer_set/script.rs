//! Random scripts of calls on one set and of changes of the clocks.

use portable_timerfd::{Clock, ClockTime, TimerSpec};
use proptest::prelude::*;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub enum First {
    Never,
    After(u64),
    /// A time of the clock of durations, this much after or before now.
    AtSteady(i64),
    /// A time of the timer's own clock, this much after or before now.
    AtOwn(i64),
}

/// When an entry expires: the first time, and the interval.
pub type When = (First, u64);

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Insert(When),
    Rearm(usize, When),
    Remove(usize),
    /// Calls of all methods with the key of an entry that is gone.
    UseGone(usize),
    /// Takes at most this many entries.
    Take(usize),
    Drain,
    Pass(u64),
    /// Advances to the next expiration of the timer.
    PassToNext,
    Step(i64),
    Suspend(u64),
    /// Makes calls of the timer fail: the first number succeed, and then the second number fail.
    Fail(u64, u64),
    Report(bool),
    Clear,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub clock: Clock,
    pub ops: Vec<Op>,
}

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.clock)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "    {op:?},"))
    }
}

fn at(now: ClockTime, offset: i64) -> TimerSpec {
    let by = Duration::from_nanos(offset.unsigned_abs());
    TimerSpec::at(if offset < 0 { now - by } else { now + by })
}

/// Returns the specification, if these are the times of the steady and of the timer's own clock.
pub fn spec((first, interval): When, steady: ClockTime, own: ClockTime) -> TimerSpec {
    let spec = match first {
        First::Never => TimerSpec::disarmed(),
        First::After(delay) => TimerSpec::after(Duration::from_nanos(delay)),
        First::AtSteady(offset) => at(steady, offset),
        First::AtOwn(offset) => at(own, offset),
    };
    spec.every(Duration::from_nanos(interval))
}

/// Whole seconds, so that many entries are due at the same time; or nanoseconds of any magnitude.
fn nanos() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0..20u64).prop_map(|seconds| seconds * 1_000_000_000),
        1 => (0..=36u32, any::<u64>()).prop_map(|(bits, random)| (1 << bits) | (random & ((1 << bits) - 1))),
    ]
}

fn signed() -> impl Strategy<Value = i64> {
    (nanos(), any::<bool>()).prop_map(|(nanos, negative)| if negative { -(nanos as i64) } else { nanos as i64 })
}

fn when() -> impl Strategy<Value = When> {
    let first = prop_oneof![
        1 => Just(First::Never),
        1 => Just(First::After(u64::MAX)),
        8 => nanos().prop_map(First::After),
        3 => signed().prop_map(First::AtSteady),
        8 => signed().prop_map(First::AtOwn),
    ];
    (first, prop_oneof![5 => Just(0), 1 => nanos()])
}

pub fn script() -> impl Strategy<Value = Script> {
    let op = prop_oneof![
        10 => when().prop_map(Op::Insert),
        10 => (any::<usize>(), when()).prop_map(|(which, when)| Op::Rearm(which, when)),
        4 => any::<usize>().prop_map(Op::Remove),
        1 => any::<usize>().prop_map(Op::UseGone),
        4 => (1..4usize).prop_map(Op::Take),
        6 => Just(Op::Drain),
        5 => nanos().prop_map(Op::Pass),
        5 => Just(Op::PassToNext),
        3 => signed().prop_map(Op::Step),
        2 => nanos().prop_map(Op::Suspend),
        1 => (1..3u64).prop_map(|many| Op::Fail(0, many)),
        // A call of the set that fails midway makes the descriptor readable, if it can.
        1 => (1..8u64).prop_map(|after| Op::Fail(after, 1)),
        1 => any::<bool>().prop_map(Op::Report),
        1 => prop::bool::weighted(0.2).prop_map(|clears| if clears { Op::Clear } else { Op::Drain }),
    ];
    let clock = prop_oneof![
        1 => Just(Clock::Monotonic),
        1 => Just(Clock::Boottime),
        4 => Just(Clock::Realtime),
        2 => Just(Clock::RealtimeAlarm),
    ];
    (clock, prop::collection::vec(op, 1..if cfg!(miri) { 20 } else { 80 }))
        .prop_map(|(clock, ops)| Script { clock, ops })
}
