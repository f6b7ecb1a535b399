//! Counts the instructions of each call in user space, which do not depend on other load.
//!
//! `cargo bench --bench instructions [-- [PART OF A NAME]...]` prints, separated by tabs, the name
//! and the rounded number of instructions of one call. `ci/instructions` compares the numbers with
//! those recorded in `expected.tsv`.
//!
//! This program runs each operation under Callgrind, a small and a large number of times. It
//! divides the difference of the two counts by the difference of the numbers of calls, so start and
//! preparation do not count. All threads are counted, so work that a call causes in the timer
//! thread belongs to the call. No timer expires meanwhile.
//!
//! Callgrind has no vDSO. Each call of the userspace backend reads a clock at least once. Under
//! Callgrind that is a system call; outside it takes about fifty instructions more than counted.

#[cfg(target_os = "linux")]
mod callgrind;
#[cfg(target_os = "linux")]
mod calls;
#[allow(dead_code)] // `versus` also measures other crates
#[cfg(target_os = "linux")]
#[path = "../common/kernel_timers.rs"]
mod kernel_timers;
#[cfg(target_os = "linux")]
#[path = "../common/raw.rs"]
mod raw;
#[allow(dead_code)] // other benches use the rest
#[cfg(target_os = "linux")]
#[path = "../common/timers.rs"]
mod timers;
#[cfg(target_os = "linux")]
mod userspace;

#[cfg(target_os = "linux")]
fn main() -> Result<(), lexopt::Error> {
    callgrind::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("NOT MEASURED: this is written for Linux");
}
