//! Helpers for the scenarios: opening timers, reads that do not wait, the end of a run.

use crate::accuracy::Accuracy;
use crate::backends::sys::fd;
use crate::backends::userspace::UserspaceTimer;
use crate::flags::CreateFlags;
use crate::model::MODEL;
use crate::timer::Timer;
use crate::{Clock, ClockTime};
use shuttle::rand::{thread_rng, Rng};
use shuttle::sync::Arc;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Opens a timer of a random mode.
pub fn open_on(clock: Clock, nonblocking: bool) -> UserspaceTimer {
    opened(clock, nonblocking, Accuracy::ALL[thread_rng().gen_range(0..Accuracy::ALL.len())])
}

pub fn open_as(accuracy: Accuracy) -> UserspaceTimer {
    opened(Clock::Monotonic, true, accuracy)
}

fn opened(clock: Clock, nonblocking: bool, accuracy: Accuracy) -> UserspaceTimer {
    let flags = CreateFlags::new().nonblocking(nonblocking).accuracy(accuracy);
    UserspaceTimer::new(clock, flags).unwrap()
}

pub fn open() -> UserspaceTimer {
    open_on(Clock::Monotonic, true)
}

pub fn open_blocking() -> UserspaceTimer {
    open_on(Clock::Monotonic, false)
}

pub const fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// A time of the monotonic clock.
pub const fn monotonic(nanos: u64) -> ClockTime {
    ClockTime::new(Clock::Monotonic, ns(nanos))
}

pub fn now() -> u64 {
    MODEL.time(Clock::Monotonic)
}

/// Returns the count of a raw read that does not wait, or zero.
pub fn raw_read(timer: &UserspaceTimer) -> u64 {
    match fd::read_now(timer.as_fd()) {
        Ok(count) => count.unwrap(),
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::WouldBlock);
            0
        }
    }
}

/// Returns the count of a read that does not wait, or zero.
pub fn counted_read(timer: &UserspaceTimer) -> u64 {
    match timer.try_read() {
        Ok(count) => count,
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::WouldBlock);
            0
        }
    }
}

pub fn assert_ok<T>(result: std::io::Result<T>) {
    assert!(result.is_ok());
}

pub fn add(sum: &AtomicU64, count: u64) {
    sum.fetch_add(count, Ordering::Relaxed);
}

/// Drops the timer, and waits for the thread to end.
pub fn end(timer: Arc<UserspaceTimer>) {
    drop(Arc::into_inner(timer).unwrap());
    MODEL.end();
}
