//! What the cases share: opening timers, the times they can be set to.
// No program uses all of it.
#![allow(dead_code)]

use portable_timerfd::{Backend, Clock, TimerFd};
use std::mem::size_of;
use std::time::Duration;

pub use crate::common::*;

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn open(backend: &'static Backend) -> TimerFd {
    open_on(backend, Clock::Monotonic)
}

pub fn open_blocking(backend: &'static Backend) -> TimerFd {
    TimerFd::builder(Clock::Monotonic).backend(backend).nonblocking(false).open().unwrap()
}

/// What `Duration::MAX` becomes: 2⁶³−1 nanoseconds, but 68 years for the kernel's row where seconds have 32 bits.
pub fn longest(backend: &Backend) -> Duration {
    let is_narrow = size_of::<nix::libc::timespec>() == 8;
    if is_narrow && backend.name() == "kernel" {
        Duration::new(i32::MAX as u64, 999_999_999)
    } else {
        Duration::from_nanos(i64::MAX as u64)
    }
}
