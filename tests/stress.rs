//! Stress test: creates, sets and drops many timers. No descriptor, thread or memory remains.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/mod.rs"]
mod common;

use allocator::Counting;
use common::{backends_here, clocks, open_on};
use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{Accuracy, Backend, Clock, TimerFd, TimerSpec};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::read_dir;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

#[global_allocator]
static COUNTING: Counting = Counting;

const THREADS: u64 = 8;

/// Creates, sets and drops this many timers, divided among the threads.
fn create_set_and_drop(backend: Backend, timers: u64) {
    let clocks = clocks();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..timers / THREADS).for_each(|round| make_set_and_drop(backend, &clocks, round)));
        }
    });
}

fn make_set_and_drop(backend: Backend, clocks: &[Clock], round: u64) {
    let clock = clocks[round as usize % clocks.len()];
    let mode = Accuracy::ALL[round as usize / clocks.len() % 3];
    let timer = TimerFd::builder(clock).backend(backend).accuracy(mode).open().unwrap();
    let near = Duration::from_micros(round % 64);
    let far = Duration::from_secs(3600);
    let spec = match round % 5 {
        0 => TimerSpec::after(near),
        1 => TimerSpec::after(near).every(Duration::from_nanos(1)),
        2 => TimerSpec::after(far),
        3 => TimerSpec::at(clock.now().unwrap() + far).cancel_on_set(),
        _ => TimerSpec::at(clock.now().unwrap() + near).every(near),
    };
    timer.set(&spec).unwrap();
    if round % 2 == 0 {
        timer.set(&TimerSpec::after(far)).unwrap();
    }
    if round % 7 == 0 {
        let _ = timer.read();
    }
}

/// Returns the descriptors (`fd`) or threads (`task`) of this process.
fn listed(what: &str) -> BTreeSet<OsString> {
    read_dir(format!("/proc/self/{what}")).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn many_short_lived_timers_leave_no_descriptor_thread_or_memory() {
    // A sanitizer may start a thread of its own with the first thread of a process, and keep it.
    thread::spawn(|| ()).join().unwrap();
    let threads = listed("task");
    // The threads of the stress test end some time after it, the timer thread after a second. This
    // waits until they have ended.
    let until_all_threads_have_ended = |backend| {
        while !listed("task").is_subset(&threads) {
            thread::sleep(Duration::from_millis(10));
        }
        // A timer that is dropped while the thread processes it is freed with the next one.
        drop(open_on(backend, Clock::Monotonic));
    };
    for backend in backends_here() {
        // The first run also makes what is made once and kept, for example the queue of each clock
        // and mode.
        create_set_and_drop(backend, 1_000);
        until_all_threads_have_ended(backend);
        let descriptors = listed("fd");
        let bytes = allocator::bytes();
        create_set_and_drop(backend, 100_000);
        until_all_threads_have_ended(backend);
        assert_eq!(allocator::bytes(), bytes, "{}: bytes", backend.name());
        assert_eq!(listed("fd"), descriptors, "{}", backend.name());
    }
}

/// Runs the case on the main thread, because another thread would allocate memory at some time.
fn main() -> ExitCode {
    let case = Trial::test("many_short_lived_timers_leave_no_descriptor_thread_or_memory", || {
        many_short_lived_timers_leave_no_descriptor_thread_or_memory();
        Ok(())
    });
    let ignored = !std::path::Path::new("/proc/self/task").exists();
    let case = case.with_ignored_flag(ignored);
    libtest_mimic::run(&Arguments { test_threads: Some(1), ..Arguments::from_args() }, vec![case]).exit_code()
}
