//! Compares the calls of the userspace backend with the kernel's. No timer expires meanwhile.

use portable_timerfd::{Backend, TimerFd, TimerSpec};
use std::time::Duration;

use super::compare::{medians, Candidate};
use super::timers::{available_backends, open};
use super::Request;

const COUNTS: [usize; 3] = [1, 1_000, 5_000];
const HOUR: Duration = Duration::from_secs(3600);

pub fn run(request: &Request) {
    for count in COUNTS {
        let name = format!("userspace.settime_later@{count}/kernel");
        compare(request, name, count, 0.15, |backend| settime_later(backend, count));
    }
    for count in COUNTS {
        let name = format!("userspace.settime_random@{count}/kernel");
        compare(request, name, count, 0.15, |backend| settime_random(backend, count));
    }
    compare(request, "userspace.gettime/kernel".to_owned(), 1, 0.25, gettime);
    compare(request, "userspace.create/kernel".to_owned(), 1, 2.2, create);
}

/// Compares an operation on `count` timers of each backend, which exist at the same time.
fn compare(request: &Request, name: String, count: usize, bar: f64, op: impl Fn(Backend) -> Candidate<'static>) {
    if request.wants_with(&name, 3 * count) {
        let times = medians(&mut available_backends().into_iter().map(op).collect::<Vec<_>>(), request.rounds(4_000));
        request.print(name, times[0], Some(times[1]), bar);
    }
}

/// Returns `count` armed timers, and random delays to set them to.
pub fn armed(backend: Backend, count: usize) -> (Vec<TimerFd>, Vec<TimerSpec>) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut delay = || TimerSpec::after(Duration::from_micros(random.u64(1_000_000..3_600_000_000)));
    let timers: Vec<TimerFd> = (0..count).map(|_| open(backend)).collect();
    let delays: Vec<TimerSpec> = (0..4096).map(|_| delay()).collect();
    for (timer, delay) in timers.iter().zip(delays.iter().cycle()) {
        timer.set(delay).expect("set");
    }
    (timers, delays)
}

fn settime_later(backend: Backend, count: usize) -> Candidate<'static> {
    let (timers, _) = armed(backend, count);
    let mut next = 0;
    let mut delay = HOUR;
    Candidate::new(100, move || {
        for _ in 0..100 {
            next = (next + 1) % count;
            delay += Duration::from_micros(1);
            timers[next].arm_after(delay).expect("set");
        }
    })
}

fn settime_random(backend: Backend, count: usize) -> Candidate<'static> {
    let (timers, delays) = armed(backend, count);
    let mut calls = 0;
    Candidate::new(100, move || {
        for _ in 0..100 {
            calls += 1;
            timers[calls % count].set(&delays[calls % delays.len()]).expect("set");
        }
    })
}

fn gettime(backend: Backend) -> Candidate<'static> {
    let (timers, _) = armed(backend, 1);
    Candidate::new(100, move || {
        for _ in 0..100 {
            std::hint::black_box(timers[0].get()).expect("get");
        }
    })
}

/// Creates and drops timers. Another timer exists, so that the timer thread does not end.
fn create(backend: Backend) -> Candidate<'static> {
    let other = open(backend);
    Candidate::new(50, move || {
        for _ in 0..50 {
            drop(open(backend));
        }
        std::hint::black_box(&other);
    })
}
