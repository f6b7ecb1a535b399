//! Our timers beside others', in one run: a line an operation.
//!
//! `cargo bench --bench versus [-- [--quick] [PART OF A NAME]...]` prints, separated by tabs, the name, what it takes us and
//! what it takes the other (nanoseconds, if the name says nothing else), the ratio, the bar for it, and `pass` or `miss`.
//! `docs/performance.md` tells what the names mean, and what bounds them.

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
