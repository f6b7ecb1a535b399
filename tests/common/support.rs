//! Helpers for the cases: opening timers, and the times that they can be set to.
// Each program uses only a part of this.
#![allow(dead_code)]

use portable_timerfd::{backends, Backend, Clock, TimerFd};
use std::mem::size_of;
use std::time::Duration;

pub use crate::common::*;

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn open(backend: Backend) -> TimerFd {
    open_on(backend, Clock::Monotonic)
}

pub fn open_blocking(backend: Backend) -> TimerFd {
    TimerFd::builder(Clock::Monotonic).backend(backend).nonblocking(false).open().unwrap()
}

/// The time that `Duration::MAX` becomes: 2⁶³−1 nanoseconds, or 68 years on the kernel backend if
/// seconds have 32 bits.
pub fn longest(backend: Backend) -> Duration {
    let is_narrow = size_of::<nix::libc::timespec>() == 8;
    if is_narrow && backend == backends::kernel::BACKEND {
        Duration::new(i32::MAX as u64, 999_999_999)
    } else {
        Duration::from_nanos(i64::MAX as u64)
    }
}
