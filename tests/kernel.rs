//! The kernel's row by itself: descriptors taken over and handed out.

use portable_timerfd::backends::kernel::KernelTimer;
use portable_timerfd::{Clock, CreateFlags, Timer, TimerSpec};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::time::Duration;

#[test]
fn a_timer_survives_the_way_through_a_descriptor() {
    let timer = match KernelTimer::new(Clock::Monotonic, CreateFlags::default()) {
        Err(e) if e.kind() == ErrorKind::Unsupported => return,
        timer => timer.unwrap(),
    };
    timer.settime(&TimerSpec::after(Duration::from_millis(1)).every(Duration::from_secs(3600))).unwrap();
    let timer = KernelTimer::from(OwnedFd::from(timer));
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert!(timer.gettime().unwrap().is_armed());
}

#[test]
fn a_descriptor_that_is_no_timer_gets_errors() {
    let nothing = KernelTimer::from(OwnedFd::from(File::open("/dev/null").unwrap()));
    assert!(nothing.settime(&TimerSpec::disarmed()).is_err());
    assert!(nothing.gettime().is_err());
    assert!(nothing.read().is_err(), "not an endless loop at the end of the file");
}
