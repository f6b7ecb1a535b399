//! Reads a timer with blocking reads: first after a second, then every half second, four times.
//!
//! Run `cargo run --example ticker`, or `cargo run --example ticker -- --backend userspace`. It
//! prints `Timer expired` four times within two and a half seconds.

mod common;

use portable_timerfd::{Clock, TimerSpec};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    common::main(common::Takes::Backend, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    // A program that does more than wait uses a non-blocking timer in a loop, as the other examples
    // do.
    let timer = options.open(Clock::Realtime, false)?;
    timer.set(&TimerSpec::after(Duration::from_secs(1)).every(Duration::from_millis(500)))?;
    for _ in 0..4 {
        timer.read()?;
        say!("Timer expired");
    }
    Ok(())
}
