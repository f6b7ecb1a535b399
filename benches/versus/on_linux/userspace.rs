//! The calls of the userspace row beside the kernel's, where no expiration is involved.

use portable_timerfd::{Backend, Timer, TimerFd, TimerSpec};
use std::time::Duration;

use super::contest::{medians, Contestant};
use super::rows::{open, rows};
use super::Request;

const CROWDS: [usize; 3] = [1, 1_000, 5_000];
const HOUR: Duration = Duration::from_secs(3600);

pub fn run(request: &Request) {
    for (crowd, bar) in CROWDS.into_iter().zip([0.35, 0.25, 0.20]) {
        let name = format!("userspace.settime_later@{crowd}/kernel");
        compare(request, name, crowd, bar, |row| settime_later(row, crowd));
    }
    for crowd in CROWDS {
        let name = format!("userspace.settime_random@{crowd}/kernel");
        compare(request, name, crowd, 0.6, |row| settime_random(row, crowd));
    }
    compare(request, "userspace.gettime/kernel".to_owned(), 1, 0.5, gettime);
    compare(request, "userspace.create/kernel".to_owned(), 1, 3.0, create);
}

/// Of so many timers of each row at once.
fn compare(
    request: &Request,
    name: String,
    crowd: usize,
    bar: f64,
    op: impl Fn(&'static Backend) -> Contestant<'static>,
) {
    if request.wants_with(&name, 3 * crowd) {
        let times = medians(&mut rows().into_iter().map(op).collect::<Vec<_>>(), request.rounds(4_000));
        request.print(name, times[0], Some(times[1]), bar);
    }
}

/// So many timers, armed, and random delays to set them to.
pub fn armed(row: &'static Backend, crowd: usize) -> (Vec<TimerFd>, Vec<TimerSpec>) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut delay = || TimerSpec::after(Duration::from_micros(random.u64(1_000_000..3_600_000_000)));
    let timers: Vec<TimerFd> = (0..crowd).map(|_| open(row)).collect();
    let delays: Vec<TimerSpec> = (0..4096).map(|_| delay()).collect();
    for (timer, delay) in timers.iter().zip(delays.iter().cycle()) {
        timer.settime(delay).expect("settime");
    }
    (timers, delays)
}

fn settime_later(row: &'static Backend, crowd: usize) -> Contestant<'static> {
    let (timers, _) = armed(row, crowd);
    let mut next = 0;
    let mut delay = HOUR;
    Contestant::new(100, move || {
        for _ in 0..100 {
            next = (next + 1) % crowd;
            delay += Duration::from_micros(1);
            timers[next].arm_after(delay).expect("settime");
        }
    })
}

fn settime_random(row: &'static Backend, crowd: usize) -> Contestant<'static> {
    let (timers, delays) = armed(row, crowd);
    let mut calls = 0;
    Contestant::new(100, move || {
        for _ in 0..100 {
            calls += 1;
            timers[calls % crowd].settime(&delays[calls % delays.len()]).expect("settime");
        }
    })
}

fn gettime(row: &'static Backend) -> Contestant<'static> {
    let (timers, _) = armed(row, 1);
    Contestant::new(100, move || {
        for _ in 0..100 {
            std::hint::black_box(timers[0].gettime()).expect("gettime");
        }
    })
}

/// Beside another timer, so that the thread stays.
fn create(row: &'static Backend) -> Contestant<'static> {
    let other = open(row);
    Contestant::new(50, move || {
        for _ in 0..50 {
            drop(open(row));
        }
        std::hint::black_box(&other);
    })
}
