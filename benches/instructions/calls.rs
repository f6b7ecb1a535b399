//! The calls of the kernel backend, and the C library's calls that they make.

use portable_timerfd::TimerFd;
use std::hint::black_box;
use std::time::Duration;

use crate::callgrind::Op;
use crate::kernel_timers::{expire, KernelTimer};
use crate::raw;

const HOUR: Duration = Duration::from_secs(3600);
const CALLS: [usize; 2] = [100, 1_100];

/// The number of timers that expire before the reads. It does not depend on the number of reads.
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

fn settime<R: KernelTimer>(times: usize) {
    let mut timer = R::create();
    (0..times as u64).for_each(|round| timer.settime(HOUR + Duration::from_micros(round)));
}

fn gettime<R: KernelTimer>(times: usize) {
    let mut timer = R::create();
    timer.settime(HOUR);
    (0..times).for_each(|_| timer.gettime());
}

fn read<R: KernelTimer>(times: usize) {
    expired::<R>()[..times].iter().for_each(R::read);
}

fn try_read(times: usize) {
    for timer in &expired::<TimerFd>()[..times] {
        black_box(timer.try_read()).expect("it has expired");
    }
}

fn create<R: KernelTimer>(times: usize) {
    (0..times).for_each(|_| drop(R::create()));
}

fn expired<R: KernelTimer>() -> Vec<R> {
    let mut timers: Vec<R> = (0..EXPIRED).map(|_| R::create()).collect();
    expire(&mut timers);
    timers
}
