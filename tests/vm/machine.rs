//! Changes to the machine: its wall clock, its alarm clocks, its sleep.

use crate::guest;
use nix::errno::Errno;
use nix::libc;
use nix::time::{clock_settime, ClockId};
use portable_timerfd::{Clock, ClockTime};
use std::time::Duration;

/// Prevents that the clock of another machine is set.
fn assert_throw_away() {
    assert!(guest::is_throw_away(), "not in the machine of ci/vm");
}

pub fn now() -> ClockTime {
    Clock::Realtime.now().unwrap()
}

pub fn set_wall_clock(time: ClockTime) {
    assert_throw_away();
    clock_settime(ClockId::CLOCK_REALTIME, time.since_zero().into()).unwrap();
}

/// Returns `time`, moved by this number of seconds.
pub fn moved(time: ClockTime, secs: i64) -> ClockTime {
    let by = Duration::from_secs(secs.unsigned_abs());
    if secs < 0 {
        time - by
    } else {
        time + by
    }
}

/// Steps the wall clock.
pub fn step_wall_clock(secs: i64) {
    set_wall_clock(moved(now(), secs));
}

/// Steps the wall clock by another call.
pub fn step_by_settimeofday(secs: i64) {
    assert_throw_away();
    let time = moved(now(), secs).since_zero();
    let time = libc::timeval { tv_sec: time.as_secs() as _, tv_usec: time.subsec_micros() as _ };
    // SAFETY: `time` is a valid time, and no zone is given.
    Errno::result(unsafe { libc::settimeofday(&time, std::ptr::null()) }).unwrap();
}

/// Sets the kernel's time zone, to that of Greenwich, without a time.
pub fn set_time_zone() {
    assert_throw_away();
    let zone = [0i32; 2];
    // SAFETY: `zone` has the two numbers of a `struct timezone`, and no time is given.
    Errno::result(unsafe { libc::settimeofday(std::ptr::null(), zone.as_ptr().cast()) }).unwrap();
}

/// Calls `adjtimex(2)` with these modes and the fields that `fill` sets.
pub fn adjust(modes: libc::c_uint, fill: impl FnOnce(&mut libc::timex)) {
    assert_throw_away();
    // SAFETY: the type consists of numbers, for which zero is valid.
    let mut request: libc::timex = unsafe { std::mem::zeroed() };
    request.modes = modes;
    fill(&mut request);
    // SAFETY: `request` is a valid value.
    Errno::result(unsafe { libc::adjtimex(&mut request) }).unwrap();
}

/// Sets the status bits of the clock, for example for a leap second.
pub fn set_clock_status(status: i32) {
    adjust(libc::ADJ_STATUS, |request| request.status = status);
}

/// Suspends the machine to RAM; returns when it has resumed.
pub fn suspend_to_ram() {
    assert_throw_away();
    std::fs::write("/sys/power/state", "mem").unwrap();
}
