//! The calls of the userspace backend.
//!
//! The timer thread sleeps past all of them: one timer more is set to a time before all others.

use portable_timerfd::{backends, Backend, Timer, TimerFd, TimerSpec};
use std::hint::black_box;
use std::time::Duration;

use crate::callgrind::Op;
use crate::calls::{EXPIRED, READS};
use crate::rows::{armed, open};

const USERSPACE: &Backend = &backends::userspace::BACKEND;
const HOUR: Duration = Duration::from_secs(3600);
const MICROSECOND: Duration = Duration::from_micros(1);
const CALLS: [usize; 2] = [1_000, 5_000];

pub const OPS: &[Op] = &[
    ("userspace.settime_later@1", CALLS, |times| settime(times, 1, later())),
    ("userspace.settime_later@1000", CALLS, |times| settime(times, 1_000, later())),
    ("userspace.settime_random@1000", CALLS, |times| settime(times, 1_000, random())),
    ("userspace.settime_earlier@1", CALLS, |times| settime(times, 1, earlier())),
    ("userspace.settime_earlier@1000", CALLS, |times| settime(times, 1_000, earlier())),
    ("userspace.gettime", CALLS, gettime),
    ("userspace.read", READS, |times| read(times, Timer::read)),
    ("userspace.try_read", READS, |times| read(times, Timer::try_read)),
    ("userspace.create+drop", CALLS, create),
];

/// Each of a crowd in turn, set to the next of these times.
fn settime(times: usize, crowd: usize, mut next: impl FnMut() -> Duration) {
    let _sooner_than_all = armed(USERSPACE, HOUR / 2);
    let timers: Vec<TimerFd> = (0..crowd).map(|_| armed(USERSPACE, next())).collect();
    for timer in timers.iter().cycle().take(times) {
        timer.arm_after(next()).expect("settime");
    }
}

/// What every timer is set to that is put off: only its own lock, and nothing that is shared.
fn later() -> impl FnMut() -> Duration {
    let mut delay = HOUR;
    move || {
        delay += MICROSECOND;
        delay
    }
}

/// Each call moves the timer in what the thread has to look at. A second is more than a call takes.
fn earlier() -> impl FnMut() -> Duration {
    let mut delay = 100_000 * HOUR;
    move || {
        delay -= Duration::from_secs(1);
        delay
    }
}

/// The first call or two move it; the oftener a timer was set, the rarer it comes.
fn random() -> impl FnMut() -> Duration {
    let mut random = fastrand::Rng::with_seed(7);
    move || HOUR + Duration::from_micros(random.u64(..3_600_000_000))
}

fn gettime(times: usize) {
    let timer = armed(USERSPACE, HOUR / 2);
    for _ in 0..times {
        black_box(timer.gettime()).expect("gettime");
    }
}

/// Of timers set once, which have expired: to a time long gone by, so that nobody need wait.
fn read(times: usize, read: fn(&TimerFd) -> std::io::Result<u64>) {
    let _sooner_than_all = armed(USERSPACE, HOUR / 2);
    let timers: Vec<TimerFd> = (0..EXPIRED).map(|_| open(USERSPACE)).collect();
    for timer in &timers {
        timer.settime(&TimerSpec::at(Duration::from_nanos(1))).expect("settime");
    }
    for timer in &timers[..times] {
        assert_eq!(read(timer).expect("it has expired"), 1);
    }
}

/// Beside another timer, so that the thread stays.
fn create(times: usize) {
    let _other = armed(USERSPACE, HOUR / 2);
    (0..times).for_each(|_| drop(open(USERSPACE)));
}
