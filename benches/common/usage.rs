//! The resources that this process has used.

use nix::sys::resource::{getrusage, UsageWho};
use std::time::Duration;

/// Returns the CPU time of all threads, in user and in system mode.
pub fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
    let time = |time: nix::sys::time::TimeVal| Duration::new(time.tv_sec() as u64, 1_000 * time.tv_usec() as u32);
    time(usage.user_time()) + time(usage.system_time())
}

/// Returns how often the threads have gone to sleep. Each sleep ends with a wake-up.
#[allow(dead_code)] // not every bench counts them
pub fn sleeps() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).expect("usage").voluntary_context_switches() as f64
}
