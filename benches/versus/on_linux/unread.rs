//! Thousands of periodic timers that stay unread, and one timer that a thread reads meanwhile.
//!
//! Measures the CPU time of the unread timers, and the latency of the other timer.

use portable_timerfd::{backends, Accuracy, Backend, Clock, TimerFd, TimerSpec};
use std::thread::sleep;
use std::time::Duration;

use super::compare::{order, percentile};
use super::latency::now;
use super::timers::open;
use super::usage::cpu_time;
use super::Request;

/// The number of unread timers beside which a latency is measured.
const COUNT: usize = 9_000;
/// The numbers of unread timers whose CPU time is measured.
const COUNTS: [usize; 2] = [1_000, COUNT];
const USERSPACE: Backend = backends::userspace::BACKEND;
const BACKENDS: [Backend; 2] = [USERSPACE, backends::kernel::BACKEND];
/// The periods of the unread timers.
const PERIODS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// After this time, the `userspace` backend treats the timers as unread for long.
const WARM_UP: Duration = Duration::from_millis(400);
/// The number of latencies that are measured in a turn.
const SAMPLES: usize = 200;

pub fn run(request: &Request) {
    // A timer of the `userspace` backend takes two descriptors. Those of the `kernel` backend are
    // open at other times.
    for count in COUNTS {
        let name = format!("userspace.unread@{count}_cpu");
        if request.wants_with(&name, 2 * count) {
            request.print(name, cpu_of_unread(count, request.rounds(5)), None, 3.0);
        }
    }
    let name = format!("userspace.precise_p99_beside_{COUNT}_unread/kernel");
    if request.wants_with(&name, 2 * COUNT) {
        let [ours, kernel] = latencies(request.rounds(5)).map(|latencies| percentile(latencies, 99.0));
        request.print(name, ours, Some(kernel), 3.0);
    }
}

/// Returns the CPU time of the unread timers in percent of one CPU, for the worse period.
fn cpu_of_unread(count: usize, rounds: usize) -> f64 {
    let reader = reader(USERSPACE, Accuracy::Economical);
    let unread: Vec<TimerFd> = (0..count).map(|_| open(USERSPACE)).collect();
    let mut shares = PERIODS.map(|_| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        let without = share_of_cpu(&reader);
        for (period, shares) in PERIODS.into_iter().zip(&mut shares) {
            set(&unread, TimerSpec::after(period).every(period));
            sleep(WARM_UP);
            shares.push(share_of_cpu(&reader) - without);
            set(&unread, TimerSpec::disarmed());
        }
    }
    let shares = shares.map(|shares| percentile(shares, 50.0));
    eprintln!(
        "  % of one CPU: {:.2} with periods of {:?}, {:.2} of {:?}",
        shares[0], PERIODS[0], shares[1], PERIODS[1]
    );
    shares.into_iter().fold(0.0, f64::max)
}

/// Returns the CPU time of the process in percent of one CPU, while it reads a timer every 10 ms.
fn share_of_cpu(reader: &TimerFd) -> f64 {
    let (start, before) = (now(), cpu_time());
    while now() < start + Duration::from_secs(2) {
        latency(reader, Duration::from_millis(10));
    }
    100.0 * (cpu_time() - before).as_secs_f64() / now().saturating_duration_since(start).as_secs_f64()
}

/// Returns the latencies of a timer of each backend, while timers of the same backend stay unread.
///
/// The backends take turns.
fn latencies(rounds: usize) -> [Vec<f64>; 2] {
    let mut random = fastrand::Rng::with_seed(22);
    let mut latencies = BACKENDS.map(|_| Vec::with_capacity(rounds * SAMPLES));
    for round in 0..rounds {
        for index in order(BACKENDS.len(), round) {
            let unread: Vec<TimerFd> = (0..COUNT).map(|_| open(BACKENDS[index])).collect();
            set(&unread, TimerSpec::after(PERIODS[0]).every(PERIODS[0]));
            let reader = reader(BACKENDS[index], Accuracy::Precise);
            sleep(WARM_UP);
            let mut sample = || latency(&reader, Duration::from_micros(random.u64(5_000..=10_000)));
            latencies[index].extend((0..SAMPLES).map(|_| sample().as_nanos() as f64));
        }
    }
    latencies
}

fn set(timers: &[TimerFd], spec: TimerSpec) {
    timers.iter().for_each(|timer| timer.set(&spec).expect("set"));
}

/// Creates a timer for blocking reads.
fn reader(backend: Backend, mode: Accuracy) -> TimerFd {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(false).accuracy(mode).backend(backend);
    builder.open().expect("a timer")
}

/// Sets the timer to expire after `ahead`, and returns the latency of a blocking read.
fn latency(reader: &TimerFd, ahead: Duration) -> Duration {
    let due = now() + ahead;
    reader.arm_at(due).expect("set");
    assert_eq!(reader.read().expect("an expiration"), 1);
    now().saturating_duration_since(due)
}
