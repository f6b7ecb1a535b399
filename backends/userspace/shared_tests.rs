//! What the timer thread does while a caller has the lock of a timer.

use super::super::UserspaceTimer;
use super::*;
use crate::timer::Timer;
use std::os::fd::AsFd;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn timer() -> UserspaceTimer {
    UserspaceTimer::new(Clock::Monotonic, CreateFlags::default()).unwrap()
}

/// Waits, without a call on the timer, until the timer thread has written to its pipe.
fn until_readable(timer: &UserspaceTimer) {
    assert!(sys::fd::wait_readable(timer.as_fd(), None::<sync::Instant>).unwrap());
}

/// A thread that calls `settime` or `gettime` without a pause has the timer's lock nearly all the
/// time. This caller has the lock from before its timer is due until another timer, which is due
/// later, has expired five times. If the timer thread waited for the lock, the other timer would
/// never be readable.
#[test]
fn a_timer_that_a_caller_has_locked_delays_no_other() {
    let (busy, other) = (timer(), timer());
    // Starts the timer thread.
    busy.settime(&TimerSpec::after(3_600_000 * MS)).unwrap();
    let mut state = busy.shared.state();
    busy.shared.set(&mut state, Clock::Monotonic, &TimerSpec::after(MS).every(MS)).unwrap();
    for _ in 0..5 {
        other.settime(&TimerSpec::after(MS)).unwrap();
        until_readable(&other);
        assert_eq!(other.read().unwrap(), 1);
    }
    let is_readable = sys::fd::wait_readable(busy.as_fd(), Some(sync::Instant::now())).unwrap();
    assert!(!is_readable, "the timer thread does not have the lock");
    drop(state);
    until_readable(&busy);
    assert!(busy.read().unwrap() >= 5);
}
