//! How often a reader wakes up while other threads of the process fork continuously.
//!
//! Compares both backends, and a bare thread with a pipe.

use nix::sys::wait::waitpid;
use nix::unistd::{fork, ForkResult};
use portable_timerfd::{backends, Backend, Clock, TimerFd};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::compare::percentile;
use super::latency::now;
use super::Request;

const PERIOD: Duration = Duration::from_millis(10);
const FORKING_THREADS: usize = 4;
/// The memory of the process. A fork copies the page table for all of it.
const MEMORY: usize = 300 << 20;

const NAMES: [&str; 2] = ["userspace.wakeup_gap_beside_forks/kernel", "userspace.wakeup_gap_beside_forks/bare_pipe"];

/// Measures the mean time between two wake-ups, in nanoseconds. It is 10 ms if no period is missed.
pub fn run(request: &Request) {
    if !NAMES.iter().any(|name| request.wants(name)) {
        return;
    }
    let is_over = AtomicBool::new(false);
    let memory = vec![1u8; MEMORY];
    let mut gaps = [Vec::new(), Vec::new(), Vec::new()];
    thread::scope(|scope| {
        (0..FORKING_THREADS).for_each(|_| drop(scope.spawn(|| fork_until(&is_over))));
        for _ in 0..request.rounds(5) {
            gaps[0].push(gap_of(backends::userspace::BACKEND));
            gaps[1].push(gap_of(backends::kernel::BACKEND));
            gaps[2].push(gap_of_a_bare_pipe());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    drop(std::hint::black_box(memory));
    let [ours, kernel, pipe] = gaps.map(|gaps| percentile(gaps, 50.0));
    // The bar: at least nine wake-ups for each ten of the other.
    request.print(NAMES[0].to_owned(), ours, Some(kernel), 1.11);
    request.print(NAMES[1].to_owned(), ours, Some(pipe), 1.11);
}

fn fork_until(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        // SAFETY: the child ends at once, and runs no exit handlers.
        match unsafe { fork() }.expect("a child") {
            ForkResult::Child => unsafe { nix::libc::_exit(0) },
            ForkResult::Parent { child } => drop(waitpid(child, None).expect("its end")),
        }
    }
}

/// Counts wake-ups for three seconds and returns the mean time between them, in nanoseconds.
fn gap(mut wake_up: impl FnMut()) -> f64 {
    wake_up();
    let (start, mut wake_ups) = (now(), 0);
    while now() < start + Duration::from_secs(3) {
        wake_up();
        wake_ups += 1;
    }
    now().saturating_duration_since(start).as_nanos() as f64 / f64::from(wake_ups)
}

fn gap_of(backend: Backend) -> f64 {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(false).backend(backend);
    let timer = builder.open().expect("a timer");
    timer.arm_every(PERIOD).expect("set");
    gap(|| assert!(timer.read().expect("an expiration") > 0))
}

/// A lower bound: a thread sleeps until the next period and writes to a pipe.
fn gap_of_a_bare_pipe() -> f64 {
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| write_each_period(&writer, &is_over));
        let gap = gap(|| assert!(nix::unistd::read(&reader, &mut [0; 8]).expect("a message") > 0));
        is_over.store(true, Ordering::Relaxed);
        gap
    })
}

fn write_each_period(writer: &OwnedFd, is_over: &AtomicBool) {
    let start = now();
    while !is_over.load(Ordering::Relaxed) {
        let periods = now().saturating_duration_since(start).as_nanos() / PERIOD.as_nanos();
        thread::sleep((start + PERIOD * (periods as u32 + 1)).saturating_duration_since(now()));
        nix::unistd::write(writer, &[0; 8]).expect("write");
    }
}
