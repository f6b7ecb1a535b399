//! The calls of the kernel backend, and the C library's that they are made of.

use portable_timerfd::{Timer, TimerFd};
use std::hint::black_box;
use std::time::Duration;

use crate::callgrind::Op;
use crate::raw;
use crate::rivals::{expire, Rival};

const HOUR: Duration = Duration::from_secs(3600);
const CALLS: [usize; 2] = [100, 1_100];

/// As many timers expire before they are read, whatever the number of reads.
pub const EXPIRED: usize = 300;
pub const READS: [usize; 2] = [10, EXPIRED];

pub const OPS: &[Op] = &[
    ("kernel.settime", CALLS, settime::<TimerFd>),
    ("libc.settime", CALLS, settime::<raw::Timerfd>),
    ("kernel.gettime", CALLS, gettime::<TimerFd>),
    ("libc.gettime", CALLS, gettime::<raw::Timerfd>),
    ("kernel.read", READS, read::<TimerFd>),
    ("kernel.try_read", READS, try_read),
    ("libc.read", READS, read::<raw::Timerfd>),
    ("kernel.create+drop", CALLS, create::<TimerFd>),
    ("libc.create+drop", CALLS, create::<raw::Timerfd>),
];

fn settime<R: Rival>(times: usize) {
    let mut timer = R::create();
    (0..times as u64).for_each(|round| timer.settime(HOUR + Duration::from_micros(round)));
}

fn gettime<R: Rival>(times: usize) {
    let mut timer = R::create();
    timer.settime(HOUR);
    (0..times).for_each(|_| timer.gettime());
}

fn read<R: Rival>(times: usize) {
    expired::<R>()[..times].iter().for_each(R::read);
}

fn try_read(times: usize) {
    for timer in &expired::<TimerFd>()[..times] {
        black_box(timer.try_read()).expect("it has expired");
    }
}

fn create<R: Rival>(times: usize) {
    (0..times).for_each(|_| drop(R::create()));
}

fn expired<R: Rival>() -> Vec<R> {
    let mut timers: Vec<R> = (0..EXPIRED).map(|_| R::create()).collect();
    expire(&mut timers);
    timers
}
