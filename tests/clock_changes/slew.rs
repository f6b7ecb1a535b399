//! A wall clock that runs faster than the monotonic clock.
#![allow(clippy::useless_conversion)] // The types of the fields differ between targets.

use crate::*;
use nix::libc::{syscall, time_t, timespec, SYS_clock_gettime, CLOCK_MONOTONIC};
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

/// The rate difference, in parts per million.
static PPM: AtomicI64 = AtomicI64::new(0);
/// The time of the monotonic clock at which slewing began, in nanoseconds.
static SINCE: AtomicI64 = AtomicI64::new(0);

/// Adds to a time of the wall clock the amount slewed so far.
pub fn adjust(time: &mut timespec) {
    let ppm = PPM.load(Ordering::SeqCst);
    if ppm != 0 {
        let nanos = (monotonic() - SINCE.load(Ordering::SeqCst)) * ppm / 1_000_000 + i64::from(time.tv_nsec);
        time.tv_sec += nanos.div_euclid(1_000_000_000) as time_t;
        time.tv_nsec = nanos.rem_euclid(1_000_000_000) as nix::libc::c_long;
    }
}

fn monotonic() -> i64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes.
    unsafe { syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &mut time) };
    i64::from(time.tv_sec) * 1_000_000_000 + i64::from(time.tv_nsec)
}

/// Slews the wall clock until it is dropped.
struct Slew;

impl Slew {
    fn by(ppm: i64) -> Slew {
        SINCE.store(monotonic(), Ordering::SeqCst);
        PPM.store(ppm, Ordering::SeqCst);
        Slew
    }
}

impl Drop for Slew {
    fn drop(&mut self) {
        PPM.store(0, Ordering::SeqCst);
    }
}

/// Linux slews both clocks together. Where the system does so, a difference between their rates is
/// a clock change.
#[test]
fn slewing_the_wall_clock_alone_is_a_step_only_where_both_clocks_are_slewed_together() {
    let _alone = alone();
    for ppm in [5_000, -5_000] {
        let _slew = Slew::by(ppm);
        let timer = watching();
        // Between two readings of the thread and these reads, the clocks move apart by more than
        // half a millisecond.
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(250));
            if cfg!(portable_timerfd_test_posix) {
                assert_nothing_to_read(&timer);
            } else {
                assert_canceled(timer.read());
            }
        }
    }
}

#[test]
fn a_step_of_a_slewed_clock_is_reported() {
    let _alone = alone();
    let _slew = Slew::by(300);
    let timer = watching();
    step_wall_clock(1);
    assert_canceled(timer.read());
}
