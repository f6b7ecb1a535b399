//! The clocks of this program, which the tests set.

use crate::common::{self, *};
use crate::slew;
use nix::libc::{clockid_t, syscall, timespec, SYS_clock_gettime, CLOCK_BOOTTIME, CLOCK_REALTIME};
use portable_timerfd::{Clock, ClockTime, TimerFd, TimerSpec};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The seconds by which the wall clock was set forward.
pub static SET_FORWARD: AtomicI32 = AtomicI32::new(0);
/// The seconds of simulated suspends, which some clocks count.
pub static SUSPENDED: AtomicI32 = AtomicI32::new(0);

/// # Safety
///
/// As the C library's: `time` is valid for writes.
#[no_mangle]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> i32 {
    // SAFETY: the caller keeps the promise that `time` is valid for writes.
    unsafe {
        let result = syscall(SYS_clock_gettime, clock, time);
        let ahead = match clock {
            CLOCK_REALTIME => SET_FORWARD.load(Ordering::SeqCst) + SUSPENDED.load(Ordering::SeqCst),
            CLOCK_BOOTTIME => SUSPENDED.load(Ordering::SeqCst),
            _ => 0,
        };
        if result == 0 {
            (*time).tv_sec += nix::libc::c_long::from(ahead);
            if clock == CLOCK_REALTIME {
                slew::adjust(&mut *time);
            }
        }
        result as i32
    }
}

/// Runs one test at a time, because all tests set the same clocks.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn step_wall_clock(secs: i32) {
    SET_FORWARD.fetch_add(secs, Ordering::SeqCst);
}

pub fn suspend(secs: i32) {
    SUSPENDED.fetch_add(secs, Ordering::SeqCst);
}

pub fn open_on(clock: Clock) -> TimerFd {
    userspace_builder(clock).open().unwrap()
}

pub fn open() -> TimerFd {
    open_on(Clock::Realtime)
}

pub fn open_blocking() -> TimerFd {
    userspace_builder(Clock::Realtime).nonblocking(false).open().unwrap()
}

pub fn now() -> ClockTime {
    Clock::Realtime.now().unwrap()
}

/// Returns a timer that is due in an hour, with `cancel_on_set`.
pub fn watching() -> TimerFd {
    let timer = open();
    timer.set(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    timer
}

#[track_caller]
pub fn left(timer: &TimerFd) -> Duration {
    common::left(timer.get().unwrap())
}
