//! Compares this crate's timers with others in one run, and prints one line for each operation.
//!
//! `cargo bench --bench versus [-- [--quick] [PART OF A NAME]...]` prints the load average, and
//! then for each operation, separated by tabs: the name, our figure, the other's figure (in
//! nanoseconds, unless the name says otherwise), the ratio, the bar, and `pass` or `miss`.
//! `docs/performance.md` explains the names and the limits.

#[cfg(target_os = "linux")]
mod on_linux;

#[cfg(target_os = "linux")]
use on_linux::run;

#[cfg(not(target_os = "linux"))]
fn run() -> Result<(), lexopt::Error> {
    eprintln!("NOT MEASURED: only Linux has the timers that ours are measured by");
    Ok(())
}

fn main() -> Result<(), lexopt::Error> {
    run()
}
