//! Fuzz target: plays scripts of calls on a kernel timer and on an emulated timer.
#![no_main]
#![allow(dead_code)]

#[path = "../../../tests/differential/bounds.rs"]
mod bounds;
mod bytes;
#[path = "../../../tests/common/mod.rs"]
mod common;
#[path = "../../../tests/differential/compare.rs"]
mod compare;
#[path = "../../../tests/differential/script.rs"]
mod script;
#[path = "../../../tests/differential/tested.rs"]
mod tested;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use portable_timerfd::Clock;
use script::{First, Op, Script};
use std::time::Duration;

/// Times are past, near or far, and intervals are tiny or long, as in the scripts of the tests.
const SOON: u32 = 20;
const LONG: u32 = 43;

fn op(bytes: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match bytes.int_in_range(0..=12)? {
        0..=2 => Op::Settime { first: first(bytes)?, interval: interval(bytes)?, cancel_on_set: bytes.arbitrary()? },
        3 => Op::Disarm,
        4 => Op::Gettime,
        5 => Op::Read,
        6 => Op::TryRead,
        7 => Op::RawRead,
        8 => Op::ReadDuplicate,
        9 => Op::Duplicate,
        10 => Op::Poll,
        11 => Op::SetNonblocking(bytes.arbitrary()?),
        _ => Op::Sleep(bytes::nanos(bytes, 0, SOON - 1)?),
    })
}

fn first(bytes: &mut Unstructured<'_>) -> Result<First> {
    Ok(match bytes.int_in_range(0..=5)? {
        0 => First::After(Duration::from_nanos(bytes::nanos(bytes, 0, SOON)?)),
        1 => First::FromNow(bytes::nanos(bytes, 0, SOON)? as i64),
        2 => First::FromNow(-(bytes::nanos(bytes, 0, 40)? as i64)),
        3 => First::At(Duration::from_nanos(bytes::nanos(bytes, 0, 40)?)),
        4 => First::After(Duration::from_nanos(bytes::nanos(bytes, LONG, 63)?)),
        _ => First::At(Duration::MAX),
    })
}

fn interval(bytes: &mut Unstructured<'_>) -> Result<Duration> {
    Ok(Duration::from_nanos(match bytes.int_in_range(0..=2)? {
        0 => 0,
        1 => bytes::nanos(bytes, 0, SOON)?,
        _ => bytes::nanos(bytes, LONG, 63)?,
    }))
}

fn script(bytes: &mut Unstructured<'_>) -> Result<Script> {
    let clock = *bytes.choose(&[Clock::Monotonic, Clock::Realtime, Clock::Boottime])?;
    Ok(Script { clock, ops: bytes::many(bytes, op) })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(script) = script(&mut Unstructured::new(data)) else { return };
    if let Err(difference) = compare::play(&script, compare::backends(), &|_| ()) {
        panic!("{difference}\n{script}");
    }
});
