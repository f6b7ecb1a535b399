//! Re-arms the timeouts of 10,000 connections 100 times a second, for ten seconds.
//!
//! Run `cargo run --release --example timer_set_keepalive`. It prints how often the one descriptor
//! was readable. `ci/keepalive` also counts the system calls.

mod common;

use portable_timerfd::{Clock, TimerFd, TimerSet};
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 10_000;
const TIMEOUT: Duration = Duration::from_secs(1);
const TICKS: u32 = 1_000;
const TICK: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    common::main(common::Takes::Backend, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    let timer = Arc::new(options.open(Clock::Monotonic, true)?);
    let mut set = TimerSet::with_timer(Arc::clone(&timer))?;
    let keys = (0..CONNECTIONS).map(|id| set.insert_after(TIMEOUT, id)).collect::<io::Result<Vec<_>>>()?;

    let is_readable = Arc::new(AtomicBool::new(false));
    let waiter = thread::spawn({
        let is_readable = Arc::clone(&is_readable);
        move || wait_again_and_again(&timer, &is_readable)
    });

    say!("begin");
    let (start, mut wake_ups) = (Instant::now(), 0);
    for tick in 1..=TICKS {
        for &key in &keys {
            set.rearm_after(key, TIMEOUT)?;
        }
        // Spins until the next tick, so that the workload itself makes no system call.
        while start.elapsed() < TICK * tick {
            std::hint::spin_loop();
            if is_readable.load(Ordering::Acquire) {
                wake_ups += 1;
                assert!(set.next_expired()?.is_none(), "all entries were re-armed in time");
                is_readable.store(false, Ordering::Release);
                waiter.thread().unpark();
            }
        }
    }
    say!("end: the descriptor was readable {wake_ups} times");
    Ok(())
}

/// Waits until the timer of the set is readable, and then for the owner of the set to drain it.
fn wait_again_and_again(timer: &TimerFd, is_readable: &AtomicBool) {
    while timer.wait_readable(None).is_ok() {
        is_readable.store(true, Ordering::Release);
        while is_readable.load(Ordering::Acquire) {
            thread::park();
        }
    }
}
