//! Compares the calls by which the tests observe their process on every Unix with Linux's `/proc`.

use crate::common::{descriptors, userspace_builder, HOUR};
use crate::{timer_thread, usage};
use portable_timerfd::{Clock, TimerFd};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn tasks() -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path())
}

fn open() -> TimerFd {
    userspace_builder(Clock::Monotonic).open().unwrap()
}

/// Reads the entries before it closes the directory, whose own entry it then leaves out.
pub fn the_descriptors_are_those_in_proc() {
    let _timers = [open(), open()];
    let entries: Vec<_> = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path()).collect();
    let is_open = |path: &&PathBuf| path.read_link().is_ok();
    let number = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(descriptors(), entries.iter().filter(is_open).map(number).collect());
}

pub fn the_timer_thread_is_the_one_in_proc() {
    let others = tasks().count();
    let until_threads_are = |count| {
        while tasks().count() != count {
            sleep(MS);
        }
    };
    for _ in 0..2 {
        assert!(!timer_thread::is_found_within(20 * MS));
        assert!(timer_thread::has_ended());
        let timer = open();
        timer.arm_after(HOUR).unwrap();
        assert_eq!(timer_thread::the_thread(), timer_thread::the_thread());
        assert_eq!((tasks().count(), timer_thread::has_ended()), (others + 1, false));
        drop(timer);
        timer_thread::until_the_thread_has_ended();
        until_threads_are(others);
    }
}

/// The CPU time and the number of sleeps of all threads.
fn in_proc() -> (Duration, u64) {
    let of_thread = |task: PathBuf| {
        let read = |name| std::fs::read_to_string(task.join(name)).unwrap();
        let nanos = read("schedstat").split(' ').next().unwrap().parse().unwrap();
        let sleeps = read("status")
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok());
        (Duration::from_nanos(nanos), sleeps.unwrap())
    };
    tasks().map(of_thread).fold((Duration::ZERO, 0), |sum, thread| (sum.0 + thread.0, sum.1 + thread.1))
}

/// Runs before any thread has ended, because `getrusage` also counts ended threads.
pub fn the_usage_is_that_in_proc() {
    let timer = open();
    timer.arm_every(MS).unwrap();
    // `getrusage` rounds two times down to microseconds.
    let rounding = Duration::from_micros(2);
    for _ in 0..50 {
        timer.wait(None).unwrap();
        // The kernel updates the CPU time of a thread in `/proc` when the thread sleeps.
        sleep(MS);
        let (least, seen) = (in_proc(), (usage::cpu_time(), usage::sleeps()));
        sleep(MS);
        let most = in_proc();
        assert!(least.0 <= seen.0 + rounding && seen.0 <= most.0, "{least:?} {seen:?} {most:?}");
        assert!(least.1 <= seen.1 && seen.1 <= most.1, "{least:?} {seen:?} {most:?}");
    }
    timer_thread::the_thread();
    drop(timer);
    timer_thread::until_the_thread_has_ended();
}
