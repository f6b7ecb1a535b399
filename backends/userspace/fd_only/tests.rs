//! Calls by a descriptor.

use super::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Between two calls, the caller may close its descriptor, and another file may get the number. The
/// timer thread must then not read by that number.
#[test]
fn the_read_end_keeps_no_descriptor_after_a_call() {
    let descriptor = RawTimer::create(Clock::Monotonic, CreateFlags::default()).unwrap();
    let timer = RawTimer::find(descriptor.as_raw_fd()).unwrap();
    let assert_no_call = || assert!(!timer.entry.timer.lock().pipe.as_ref().unwrap().is_in_by_fd_call());
    timer.settime(&TimerSpec::after(HOUR)).unwrap();
    assert_no_call();
    timer.gettime().unwrap();
    assert_no_call();
    assert!(timer.read().is_err());
    assert_no_call();
}
