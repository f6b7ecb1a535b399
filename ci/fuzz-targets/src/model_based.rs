//! Fuzz target: plays scripts of calls and clock changes on the emulation over the model of the
//! system, and on the model of Linux. Every run of an input gives the same result.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../../src/accuracy.rs"]
mod accuracy;
#[path = "../../../src/backend.rs"]
mod backend;
#[path = "../../../tests/model_based/backends/mod.rs"]
mod backends;
mod bytes;
#[path = "../../../src/capabilities.rs"]
mod capabilities;
#[path = "../../../src/clock.rs"]
mod clock;
#[path = "../../../src/clock_time.rs"]
mod clock_time;
#[path = "../../../src/errors.rs"]
mod errors;
#[path = "../../../src/flags.rs"]
mod flags;
#[path = "../../../src/inherent.rs"]
mod inherent;
#[path = "../../../src/itimerspec.rs"]
mod itimerspec;
#[path = "../../../tests/model_based/kernel.rs"]
mod kernel;
#[path = "../../../tests/model_based/model.rs"]
mod model;
#[path = "../../../src/pollable.rs"]
mod pollable;
#[path = "../../../tests/common/random.rs"]
mod random;
#[path = "../../../tests/model_based/runs.rs"]
mod runs;
#[path = "../../../tests/model_based/script.rs"]
mod script;
#[path = "../../../tests/model_based/scripts.rs"]
mod scripts;
#[path = "../../../src/spec.rs"]
mod spec;
#[path = "../../../tests/model_based/support.rs"]
mod support;
#[path = "../../../src/timer.rs"]
mod timer;

pub(crate) use clock::Clock;
pub(crate) use clock_time::ClockTime;
pub(crate) use spec::{Initial, TimerSpec};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use script::{First, Op, Script};

fn op(bytes: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match bytes.int_in_range(0..=10)? {
        0 | 1 => Op::Settime { first: first(bytes)?, interval: interval(bytes)?, cancel_on_set: bytes.arbitrary()? },
        2 => Op::Gettime,
        3 => Op::Read,
        4 => Op::RawRead,
        5 => Op::Poll,
        6 => Op::Pass(bytes::nanos(bytes, 0, 34)?),
        8 => Op::RefuseWrites,
        7 => Op::Suspend(bytes::nanos(bytes, 24, 36)?),
        _ => Op::Step(bytes::offset(bytes, 24, 36)?),
    })
}

fn first(bytes: &mut Unstructured<'_>) -> Result<First> {
    Ok(match bytes.int_in_range(0..=3)? {
        0 => First::Disarmed,
        1 => First::After(bytes::nanos(bytes, 0, 62)?),
        _ => First::At(bytes::offset(bytes, 0, 36)?),
    })
}

fn interval(bytes: &mut Unstructured<'_>) -> Result<u64> {
    Ok(if bytes.arbitrary()? { bytes::nanos(bytes, 0, 62)? } else { bytes.int_in_range(0..=2)? })
}

fn script(bytes: &mut Unstructured<'_>) -> Result<Script> {
    let clocks = [Clock::Realtime, Clock::Monotonic, Clock::Boottime, Clock::RealtimeAlarm];
    Ok(Script { clock: *bytes.choose(&clocks)?, schedule: bytes.arbitrary()?, ops: bytes::many(bytes, op) })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(script) = script(&mut Unstructured::new(data)) else { return };
    if let Err(difference) = scripts::play_on_the_model(&script) {
        panic!("{difference}\n{script}");
    }
});
