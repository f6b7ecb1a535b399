//! Thousands of periodic timers that stay unread: the CPU time that they take, and the latency of a
//! timer that a thread reads meanwhile.

use portable_timerfd::{backends, Backend, Clock, Punctuality, Timer, TimerFd, TimerSpec};
use std::thread::sleep;
use std::time::Duration;

use super::contest::{order, percentile};
use super::rows::open;
use super::shots::now;
use super::usage::processor_time;
use super::Request;

const CROWD: usize = 9_000;
const USERSPACE: &Backend = &backends::userspace::BACKEND;
const BACKENDS: [&Backend; 2] = [USERSPACE, &backends::kernel::BACKEND];
/// The periods of the unread timers.
const PERIODS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// After this time, the `userspace` backend treats each of them as unread for long.
const WARM_UP: Duration = Duration::from_millis(400);
const SHOTS: usize = 200;

pub fn run(request: &Request) {
    // A timer of the `userspace` backend takes two descriptors. Those of the `kernel` backend are
    // open at other times.
    let name = format!("userspace.unread@{CROWD}_cpu");
    if request.wants_with(&name, 2 * CROWD) {
        request.print(name, cpu_of_unread(request.rounds(5)), None, 3.0);
    }
    let name = format!("userspace.precise_p99_beside_{CROWD}_unread/kernel");
    if request.wants_with(&name, 2 * CROWD) {
        let [ours, kernel] = latencies(request.rounds(5)).map(|latencies| percentile(latencies, 99.0));
        request.print(name, ours, Some(kernel), 3.0);
    }
}

/// The share of one CPU, in percent, that the unread timers of the worse period take.
fn cpu_of_unread(rounds: usize) -> f64 {
    let reader = reader(USERSPACE, Punctuality::Economical);
    let unread: Vec<TimerFd> = (0..CROWD).map(|_| open(USERSPACE)).collect();
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

/// The share of one CPU, in percent, that the process takes while it reads a timer each 10 ms.
fn share_of_cpu(reader: &TimerFd) -> f64 {
    let (start, before) = (now(), processor_time());
    while now() < start + Duration::from_secs(2) {
        latency(reader, Duration::from_millis(10));
    }
    100.0 * (processor_time() - before).as_secs_f64() / (now() - start).as_secs_f64()
}

/// The latencies of a timer of each backend, while timers of the same backend stay unread. The
/// backends take turns.
fn latencies(rounds: usize) -> [Vec<f64>; 2] {
    let mut random = fastrand::Rng::with_seed(22);
    let mut latencies = BACKENDS.map(|_| Vec::with_capacity(rounds * SHOTS));
    for round in 0..rounds {
        for number in order(BACKENDS.len(), round) {
            let unread: Vec<TimerFd> = (0..CROWD).map(|_| open(BACKENDS[number])).collect();
            set(&unread, TimerSpec::after(PERIODS[0]).every(PERIODS[0]));
            let reader = reader(BACKENDS[number], Punctuality::Precise);
            sleep(WARM_UP);
            let mut shoot = || latency(&reader, Duration::from_micros(random.u64(5_000..=10_000)));
            latencies[number].extend((0..SHOTS).map(|_| shoot().as_nanos() as f64));
        }
    }
    latencies
}

fn set(timers: &[TimerFd], spec: TimerSpec) {
    timers.iter().for_each(|timer| timer.set(&spec).expect("settime"));
}

/// A timer that a thread reads by waiting.
fn reader(backend: &'static Backend, mode: Punctuality) -> TimerFd {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(false).punctuality(mode).backend(backend);
    builder.open().expect("a timer")
}

/// How long after its time a read returns, for a time that is so far ahead.
fn latency(reader: &TimerFd, ahead: Duration) -> Duration {
    let due = now() + ahead;
    reader.arm_at(due).expect("settime");
    assert_eq!(reader.read().expect("an expiration"), 1);
    now() - due
}
