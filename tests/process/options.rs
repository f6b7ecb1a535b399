//! The options of the timer thread that every system has: when they are set, and the early start.

use crate::common::{errno, HOUR};
use crate::timer_thread::{has_ended, the_thread};
use crate::userspace;
use nix::libc;
use portable_timerfd::backends::userspace::{start_thread, ThreadOptions};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, CreateFlags};
use std::time::Duration;

crate::cases![
    userspace:
        options_are_set_once,
        options_are_not_set_after_the_first_timer,
        options_are_not_set_after_the_first_raw_timer,
        a_thread_that_is_started_early_stays_without_timers;
];

pub fn refused(options: ThreadOptions) -> Option<i32> {
    errno(options.set_for_process())
}

fn options_are_set_once() {
    ThreadOptions::new().set_for_process().unwrap();
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY));
}

fn options_are_not_set_after_the_first_timer() {
    let timer = userspace();
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY));
    drop(timer);
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY));
}

fn options_are_not_set_after_the_first_raw_timer() {
    RawTimer::create(Clock::Monotonic, CreateFlags::default()).unwrap();
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY));
}

fn a_thread_that_is_started_early_stays_without_timers() {
    for _ in 0..2 {
        start_thread().unwrap();
    }
    assert_eq!(refused(ThreadOptions::new()), Some(libc::EBUSY));
    assert_eq!(the_thread(), 1);
    userspace().arm_after(HOUR).unwrap();
    // Any other thread ends a second after the last timer.
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!has_ended());
    let timer = userspace();
    timer.arm_after(HOUR).unwrap();
    assert_eq!(the_thread(), 1, "it is still the first one");
}
