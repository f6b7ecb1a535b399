//! Stress test: creates, sets and drops many timers. No descriptor, thread or memory remains. On
//! Linux, also compares the calls that show this on every Unix with `/proc`.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
#[path = "common/compared_with_proc.rs"]
mod compared_with_proc;
#[path = "common/timer_thread.rs"]
mod timer_thread;
#[path = "common/usage.rs"]
mod usage;

use allocator::Counting;
use common::{backends_here, clocks, descriptors, open_on, HOUR};
use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{backends, Accuracy, Backend, Clock, TimerFd, TimerSpec};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

#[global_allocator]
static COUNTING: Counting = Counting;

const THREADS: u64 = 8;

/// Creates, sets and drops this many timers, divided among the threads.
fn create_set_and_drop(backend: Backend, timers: u64) {
    let clocks = clocks();
    let work = || (0..timers / THREADS).for_each(|round| make_set_and_drop(backend, &clocks, round));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        // The scope alone does not wait until the threads have freed their memory.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
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

/// Waits for the end of the timer thread, if the backend has one. It ends a second after the last
/// timer.
fn until_the_thread_has_ended(backend: Backend) {
    if backend == backends::userspace::BACKEND {
        let timer = open_on(backend, Clock::Monotonic);
        timer.arm_after(HOUR).unwrap();
        timer_thread::the_thread();
        drop(timer);
        timer_thread::until_the_thread_has_ended();
    }
    // A timer that is dropped while the thread processes it is freed with the next one.
    drop(open_on(backend, Clock::Monotonic));
}

fn many_short_lived_timers_leave_no_descriptor_thread_or_memory() {
    for backend in backends_here() {
        if !timer_thread::can_be_found() {
            // ThreadSanitizer still finds data races.
            create_set_and_drop(backend, 100_000);
            continue;
        }
        // The first run also makes what is made once and kept, for example the queue of each clock
        // and mode.
        create_set_and_drop(backend, 1_000);
        // Queues that have grown once are smaller without a timer than queues that have not.
        drop((0..100).map(|_| open_on(backend, Clock::Monotonic)).collect::<Vec<_>>());
        until_the_thread_has_ended(backend);
        let (open, bytes) = (descriptors(), allocator::bytes());
        create_set_and_drop(backend, 100_000);
        until_the_thread_has_ended(backend);
        assert_eq!(allocator::bytes(), bytes, "{}: bytes", backend.name());
        assert_eq!(descriptors(), open, "{}", backend.name());
    }
}

const CASES: &[(&str, fn())] = &[
    #[cfg(target_os = "linux")]
    ("the_usage_is_that_in_proc", compared_with_proc::the_usage_is_that_in_proc),
    #[cfg(target_os = "linux")]
    ("the_descriptors_are_those_in_proc", compared_with_proc::the_descriptors_are_those_in_proc),
    #[cfg(target_os = "linux")]
    ("the_timer_thread_is_the_one_in_proc", compared_with_proc::the_timer_thread_is_the_one_in_proc),
    (
        "many_short_lived_timers_leave_no_descriptor_thread_or_memory",
        many_short_lived_timers_leave_no_descriptor_thread_or_memory,
    ),
];

/// Runs the cases on the main thread, because another thread would allocate memory at some time.
fn main() -> ExitCode {
    let trial = |&(name, case): &(&'static str, fn())| {
        Trial::test(name, move || {
            case();
            Ok(())
        })
        .with_ignored_flag(name.ends_with("_in_proc") && !timer_thread::can_be_found())
    };
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, CASES.iter().map(trial).collect()).exit_code()
}
