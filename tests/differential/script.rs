//! Random scripts of calls. Times are past, near or far, and intervals are tiny or long, so that
//! the tests know which results depend on the microsecond.

use portable_timerfd::{Clock, ClockTime, TimerSpec};
use proptest::prelude::*;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

const HOUR: u64 = 3_600_000_000_000;
const TWO_HOURS: u64 = 2 * HOUR;
/// The upper limit of near times and of tiny intervals.
pub const SOON: u64 = 2_000_000;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Settime {
        first: First,
        interval: Duration,
        cancel_on_set: bool,
    },
    Disarm,
    Gettime,
    Read,
    TryRead,
    RawRead,
    /// A raw read of the duplicate.
    ReadDuplicate,
    /// Replaces the duplicate by a duplicate of itself.
    Duplicate,
    Poll,
    SetNonblocking(bool),
    Sleep(u64),
}

#[derive(Clone, Copy, Debug)]
pub enum First {
    After(Duration),
    /// A time since the zero of the clock.
    At(Duration),
    /// An absolute time, this much after or before now.
    FromNow(i64),
}

#[derive(Clone, Debug)]
pub struct Script {
    pub clock: Clock,
    pub ops: Vec<Op>,
}

impl First {
    /// Returns the setting, if the timer's clock shows `now`.
    pub fn spec(self, now: ClockTime) -> TimerSpec {
        match self {
            First::After(delay) => TimerSpec::after(delay),
            First::At(since_zero) => TimerSpec::at(ClockTime::new(now.clock(), since_zero)),
            First::FromNow(nanos) => {
                let offset = Duration::from_nanos(nanos.unsigned_abs());
                TimerSpec::at(if nanos < 0 { now - offset } else { now + offset })
            }
        }
    }
}

/// Nanoseconds of any magnitude up to a limit.
fn up_to(limit: u64) -> impl Strategy<Value = u64> {
    (1..=limit.ilog2(), any::<u64>()).prop_map(move |(bits, random)| (random & ((2 << bits) - 1)).min(limit))
}

/// Two hours or more. No such period ends while a script is played, if it began within the last
/// hour.
fn long() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => up_to(u64::MAX >> 1).prop_map(|nanos| Duration::from_nanos(nanos.saturating_add(TWO_HOURS))),
        1 => prop::sample::select(vec![
            Duration::MAX,
            Duration::from_secs(u64::MAX),
            Duration::from_secs(1 << 32),
            Duration::from_nanos(i64::MAX as u64 - 1),
            Duration::from_nanos(i64::MAX as u64),
            Duration::new(9_223_372_036, 0),
        ]),
    ]
}

fn first() -> impl Strategy<Value = First> {
    prop_oneof![
        2 => up_to(SOON).prop_map(|nanos| First::After(Duration::from_nanos(nanos))),
        2 => up_to(SOON).prop_map(|nanos| First::FromNow(nanos as i64)),
        2 => up_to(HOUR).prop_map(|nanos| First::FromNow(-(nanos as i64))),
        1 => up_to(HOUR).prop_map(|nanos| First::At(Duration::from_nanos(nanos))),
        1 => long().prop_map(First::After),
        1 => up_to(1 << 60).prop_map(|nanos| First::FromNow(nanos.max(TWO_HOURS) as i64)),
        1 => Just(First::At(Duration::MAX)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let interval = prop_oneof![
        3 => Just(Duration::ZERO),
        3 => up_to(SOON).prop_map(Duration::from_nanos),
        2 => long(),
    ];
    prop_oneof![
        8 => (first(), interval, any::<bool>()).prop_map(|(first, interval, cancel_on_set)| Op::Settime { first, interval, cancel_on_set }),
        1 => Just(Op::Disarm),
        5 => Just(Op::Gettime),
        6 => Just(Op::Read),
        2 => Just(Op::TryRead),
        3 => Just(Op::RawRead),
        2 => Just(Op::ReadDuplicate),
        1 => Just(Op::Duplicate),
        5 => Just(Op::Poll),
        1 => any::<bool>().prop_map(Op::SetNonblocking),
        1 => up_to(SOON / 2).prop_map(Op::Sleep),
    ]
}

pub fn script() -> impl Strategy<Value = Script> {
    let clock = prop::sample::select(vec![Clock::Monotonic, Clock::Realtime, Clock::Boottime]);
    (clock, prop::collection::vec(op(), 5..60)).prop_map(|(clock, ops)| Script { clock, ops })
}

const BEGIN: &str = "\
#![allow(unused)]
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::poll::{poll, PollFd, PollFlags};
use portable_timerfd::{backends, Clock, ClockTime, TimerFd, TimerSpec};
use std::os::fd::AsFd;
use std::time::Duration;

#[test]
fn script() -> std::io::Result<()> {
    for &backend in backends::ALL {
        println!(\"{}\", backend.name());
";
const OPEN: &str = "        let timer = TimerFd::builder(clock).backend(backend).open()?;
        let mut duplicate = timer.as_fd().try_clone_to_owned()?;
        let mut count = [0; 8];
";

/// Writes the script as a Rust program.
impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(BEGIN)?;
        writeln!(f, "        let clock = Clock::{:?};", self.clock)?;
        f.write_str(OPEN)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "        {op}"))?;
        f.write_str("    }\n    Ok(())\n}\n")
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Op::Settime { first, interval, cancel_on_set } => {
                write!(f, "let _ = dbg!(timer.replace(&{first}")?;
                if !interval.is_zero() {
                    write!(f, ".every({})", Nanos(*interval))?;
                }
                f.write_str(if *cancel_on_set { ".cancel_on_set()));" } else { "));" })
            }
            Op::Disarm => f.write_str("let _ = dbg!(timer.replace(&TimerSpec::disarmed()));"),
            Op::Gettime => f.write_str("let _ = dbg!(timer.get());"),
            Op::Read => f.write_str("let _ = dbg!(timer.read());"),
            Op::TryRead => f.write_str("let _ = dbg!(timer.try_read());"),
            Op::RawRead => {
                f.write_str("let _ = dbg!(nix::unistd::read(&timer, &mut count), u64::from_ne_bytes(count));")
            }
            Op::ReadDuplicate => {
                f.write_str("let _ = dbg!(nix::unistd::read(&duplicate, &mut count), u64::from_ne_bytes(count));")
            }
            Op::Duplicate => f.write_str("duplicate = duplicate.try_clone()?;"),
            Op::Poll => f.write_str("let _ = dbg!(poll(&mut [PollFd::new(timer.as_fd(), PollFlags::POLLIN)], 0u8));"),
            Op::SetNonblocking(true) => f.write_str("fcntl(&timer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;"),
            Op::SetNonblocking(false) => f.write_str("fcntl(&timer, FcntlArg::F_SETFL(OFlag::empty()))?;"),
            Op::Sleep(nanos) => write!(f, "std::thread::sleep(Duration::from_nanos({nanos}));"),
        }
    }
}

impl Display for First {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            First::After(delay) => write!(f, "TimerSpec::after({})", Nanos(*delay)),
            First::At(since_zero) => write!(f, "TimerSpec::at(ClockTime::new(clock, {}))", Nanos(*since_zero)),
            First::FromNow(nanos) => {
                let sign = if *nanos < 0 { '-' } else { '+' };
                write!(f, "TimerSpec::at(clock.now()? {sign} Duration::from_nanos({}))", nanos.unsigned_abs())
            }
        }
    }
}

/// A duration in the notation of a program.
struct Nanos(Duration);

impl Display for Nanos {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match u64::try_from(self.0.as_nanos()) {
            Ok(nanos) => write!(f, "Duration::from_nanos({nanos})"),
            Err(_) => write!(f, "Duration::new({}, {})", self.0.as_secs(), self.0.subsec_nanos()),
        }
    }
}
