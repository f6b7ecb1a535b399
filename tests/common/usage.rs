//! What this process has used, as `getrusage(2)` reports it on every Unix.
// Each program uses only a part of this. The value is const already, which the lint does not see on
// systems without native thread-locals.
#![allow(dead_code, clippy::missing_const_for_thread_local)]

use nix::sys::resource::{getrusage, UsageWho};
use std::cell::Cell;
use std::thread;
use std::time::Duration;

thread_local! {
    static NAPS: Cell<u64> = const { Cell::new(0) };
}

/// Sleeps in the calling thread. `sleeps_of_others` does not count this sleep.
pub fn nap(time: Duration) {
    NAPS.with(|naps| naps.set(naps.get() + 1));
    thread::sleep(time);
}

/// Returns the CPU time of all threads.
pub fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()].iter().map(|time| Duration::from_micros(micros(time))).sum()
}

#[allow(clippy::unnecessary_cast)] // The types differ between systems.
fn micros(time: &nix::sys::time::TimeVal) -> u64 {
    time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64
}

/// Returns how often the threads have gone to sleep.
#[allow(clippy::unnecessary_cast)] // The types differ between systems.
pub fn sleeps() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    // Apple's kernel does not tell a sleep from a preemption, and counts most as preemptions.
    let preemptions = if cfg!(target_vendor = "apple") { usage.involuntary_context_switches() } else { 0 };
    (usage.voluntary_context_switches() + preemptions) as u64
}

/// Returns how often the threads have gone to sleep, except for the naps of the calling thread.
pub fn sleeps_of_others() -> u64 {
    sleeps() - NAPS.with(Cell::get)
}

/// Returns how often the other threads go to sleep while `work` runs. They sleep before it begins,
/// and have gone to sleep again when this returns.
///
/// The calling thread can wait for memory or a lock, which counts too. So a test that expects few
/// sleeps tries several times.
pub fn sleeps_during(work: impl FnOnce()) -> u64 {
    let before = sleeps_once_idle();
    work();
    sleeps_once_idle() - before
}

/// Waits until no other thread has gone to sleep for 10 ms. While a thread waits for a lock, it may
/// be asleep for a moment.
fn sleeps_once_idle() -> u64 {
    let mut last = sleeps_of_others();
    for _ in 0..1_000 {
        nap(Duration::from_millis(10));
        let sleeps = sleeps_of_others();
        if sleeps == last {
            return sleeps;
        }
        last = sleeps;
    }
    panic!("a thread wakes again and again");
}
