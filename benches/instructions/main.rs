//! How many instructions each call takes, of our process and not of the kernel: a figure that no load changes.
//!
//! `cargo bench --bench instructions [-- [PART OF A NAME]...]` prints, separated by tabs, the name and the instructions of one
//! call, rounded. `ci/instructions` compares them with those recorded beside this file.
//!
//! Each operation is run under Callgrind by this program itself, few times and many times, and the difference of the two
//! counts is divided by the difference of the times: what it takes to start and to prepare costs nothing. All threads are
//! counted, so that what a call makes the timer thread do is the call's; no timer expires meanwhile. Callgrind has no vDSO:
//! reading a clock, which a call of the userspace backend does once at least, is a system call there, and some fifty
//! instructions more in truth.

#[cfg(target_os = "linux")]
mod callgrind;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
#[path = "../common/raw.rs"]
mod raw;
#[allow(dead_code)] // other crates', which `versus` measures
#[cfg(target_os = "linux")]
#[path = "../common/rivals.rs"]
mod rivals;
#[allow(dead_code)] // as many timers as fit, which other benches want
#[cfg(target_os = "linux")]
#[path = "../common/rows.rs"]
mod rows;
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
