//! The processor time that this process has taken.

use nix::sys::resource::{getrusage, UsageWho};
use std::time::Duration;

/// In user and in system mode, of all threads.
pub fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
    let time = |time: nix::sys::time::TimeVal| Duration::new(time.tv_sec() as u64, 1_000 * time.tv_usec() as u32);
    time(usage.user_time()) + time(usage.system_time())
}
