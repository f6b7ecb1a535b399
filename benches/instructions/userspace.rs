//! The calls of the userspace backend.
//!
//! The timer thread sleeps during all calls, because one more timer is set to an earlier time than
//! all others.

use portable_timerfd::{backends, Backend, Clock, ClockTime, TimerFd, TimerSpec};
use std::hint::black_box;
use std::time::Duration;

use crate::callgrind::Op;
use crate::calls::{EXPIRED, READS};
use crate::timers::{armed, open};

const USERSPACE: Backend = backends::userspace::BACKEND;
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
    ("userspace.read", READS, |times| read(times, TimerFd::read)),
    ("userspace.try_read", READS, |times| read(times, TimerFd::try_read)),
    ("userspace.create+drop", CALLS, create),
];

/// Sets `count` timers in turn, each to the next time.
fn settime(times: usize, count: usize, mut next: impl FnMut() -> Duration) {
    let _earliest = armed(USERSPACE, HOUR / 2);
    let timers: Vec<TimerFd> = (0..count).map(|_| armed(USERSPACE, next())).collect();
    for timer in timers.iter().cycle().take(times) {
        timer.arm_after(next()).expect("set");
    }
}

/// Returns later and later times, as for a timeout that is postponed.
///
/// Such a call takes only the timer's own lock.
fn later() -> impl FnMut() -> Duration {
    let mut delay = HOUR;
    move || {
        delay += MICROSECOND;
        delay
    }
}

/// Returns earlier and earlier times, a second apart, which is more than a call takes.
///
/// Each call moves the timer in the queues of the timer thread.
fn earlier() -> impl FnMut() -> Duration {
    let mut delay = 100_000 * HOUR;
    move || {
        delay -= Duration::from_secs(1);
        delay
    }
}

/// Returns random times.
///
/// The first call or two move a timer in the queues. The more often a timer was set, the less often
/// a call moves it.
fn random() -> impl FnMut() -> Duration {
    let mut random = fastrand::Rng::with_seed(7);
    move || HOUR + Duration::from_micros(random.u64(..3_600_000_000))
}

fn gettime(times: usize) {
    let timer = armed(USERSPACE, HOUR / 2);
    for _ in 0..times {
        black_box(timer.get()).expect("get");
    }
}

/// Reads one-shot timers that have expired. They are set to a time in the past, so no call waits.
fn read(times: usize, read: fn(&TimerFd) -> std::io::Result<u64>) {
    let _earliest = armed(USERSPACE, HOUR / 2);
    let timers: Vec<TimerFd> = (0..EXPIRED).map(|_| open(USERSPACE)).collect();
    let past = TimerSpec::at(ClockTime::new(Clock::Monotonic, Duration::from_nanos(1)));
    for timer in &timers {
        timer.set(&past).expect("set");
    }
    for timer in &timers[..times] {
        assert_eq!(read(timer).expect("it has expired"), 1);
    }
}

/// Creates and drops timers. Another timer exists, so that the timer thread does not end.
fn create(times: usize) {
    let _other = armed(USERSPACE, HOUR / 2);
    (0..times).for_each(|_| drop(open(USERSPACE)));
}
