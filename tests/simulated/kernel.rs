//! Compares the simulated arithmetic with the kernel's: the count of a kernel timer must lie
//! between the counts of a simulated timer by the time before and by the time after the call.

use crate::common::*;
use crate::random::play_many;
use portable_timerfd::{backends, Clock, SimulatedClock, TimerFd, TimerSpec};
use proptest::prelude::*;
use std::fmt::{self, Display, Formatter};
use std::mem::size_of;
use std::time::Duration;

/// A first expiration relative to now, and an interval, in nanoseconds.
#[derive(Clone, Debug)]
struct Setting {
    offset: i64,
    interval: u64,
}

impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    let offset =
        prop_oneof![3 => (0..=60u32, any::<i64>()).prop_map(|(bits, random)| random >> (63 - bits)), 1 => any::<i64>()];
    let interval = prop_oneof![1 => Just(0), 3 => (1..=63u32, any::<u64>()).prop_map(|(bits, random)| random >> (64 - bits)), 1 => any::<u64>()];
    // Where seconds have 32 bits, the scale ends in 2038.
    let shift = if size_of::<nix::libc::timespec>() == 8 { 5 } else { 0 };
    (offset, interval)
        .prop_map(move |(offset, interval)| Setting { offset: offset >> shift, interval: interval >> shift })
}

/// Returns the count of a timer and its remaining setting.
fn state_of(timer: &TimerFd) -> (u64, TimerSpec) {
    (timer.read().unwrap_or(0), timer.get().unwrap())
}

fn play(setting: &Setting) -> Result<(), String> {
    let simulated = SimulatedClock::new();
    let ours = crate::open(&simulated, Clock::Realtime);
    let theirs = open_on(backends::kernel::BACKEND, Clock::Realtime);
    let before = Clock::Realtime.now().unwrap();
    let offset = Duration::from_nanos(setting.offset.unsigned_abs());
    let first = if setting.offset < 0 { before - offset } else { before + offset };
    let spec = TimerSpec::at(first).every(Duration::from_nanos(setting.interval));
    simulated.set_realtime(before).unwrap();
    for timer in [&ours, &theirs] {
        timer.set(&spec).unwrap();
    }
    let (least, most_left) = state_of(&ours);
    if least > 0 {
        until_readable(&theirs);
    }
    let (count, left) = state_of(&theirs);
    let after = Clock::Realtime.now().unwrap();
    simulated.advance(after.checked_duration_since(before).unwrap());
    let (more, least_left) = state_of(&ours);
    let says = |what: &str| {
        Err(format!("{what}: {count} and {left:?}, not {least} to {more} more, {most_left:?} to {least_left:?}"))
    };
    if !(least..=least + more).contains(&count) {
        return says("the count");
    }
    if left.interval() != least_left.interval() {
        return says("the interval");
    }
    // If no expiration came in between, the remaining time is known.
    let is_between = || {
        most_left.is_armed() == left.is_armed()
            && (!left.is_armed()
                || (crate::common::left(least_left)..=crate::common::left(most_left))
                    .contains(&crate::common::left(left)))
    };
    if more == 0 && !is_between() {
        return says("what is left");
    }
    Ok(())
}

#[test]
fn the_kernel_counts_what_a_simulated_timer_counts() {
    if is_missing(backends::kernel::BACKEND) {
        return;
    }
    play_many(&setting(), 2_000, play);
}
