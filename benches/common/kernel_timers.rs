//! Kernel timers through this crate, the C library, and the crates `timerfd`, `nix` and `rustix`.

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timer::TimerSetTimeFlags;
use nix::sys::timerfd as by_nix;
use portable_timerfd::{backends, Clock, TimerFd, TimerSpec};
use rustix::time as by_rustix;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::raw;

/// A non-blocking kernel timer of the monotonic clock.
pub trait KernelTimer: AsFd {
    fn create() -> Self;
    /// Sets the timer to expire once, after this delay.
    fn settime(&mut self, delay: Duration);
    fn gettime(&self);
    /// Reads a timer that has expired.
    fn read(&self);
}

/// Sets all timers to expire at once, and waits until they have expired.
pub fn expire<R: KernelTimer>(timers: &mut [R]) {
    timers.iter_mut().for_each(|timer| timer.settime(Duration::from_nanos(1)));
    for timer in timers {
        poll(&mut [PollFd::new(timer.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).expect("poll");
    }
}

impl KernelTimer for TimerFd {
    fn create() -> Self {
        TimerFd::builder(Clock::Monotonic).backend(backends::kernel::BACKEND).open().expect("a timer")
    }

    fn settime(&mut self, delay: Duration) {
        std::hint::black_box(self.replace(&TimerSpec::after(delay))).expect("settime");
    }

    fn gettime(&self) {
        std::hint::black_box(self.get()).expect("gettime");
    }

    fn read(&self) {
        std::hint::black_box(TimerFd::read(self)).expect("read");
    }
}

/// A timer of this crate that is set with `set`, which does not return the old setting.
pub struct Set(TimerFd);

impl AsFd for Set {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl KernelTimer for Set {
    fn create() -> Self {
        Set(<TimerFd as KernelTimer>::create())
    }

    fn settime(&mut self, delay: Duration) {
        self.0.set(&TimerSpec::after(delay)).expect("settime");
    }

    fn gettime(&self) {
        KernelTimer::gettime(&self.0);
    }

    fn read(&self) {
        KernelTimer::read(&self.0);
    }
}

impl KernelTimer for raw::Timerfd {
    fn create() -> Self {
        raw::Timerfd::create()
    }

    fn settime(&mut self, delay: Duration) {
        raw::Timerfd::settime(self, delay);
    }

    fn gettime(&self) {
        raw::Timerfd::gettime(self);
    }

    fn read(&self) {
        raw::Timerfd::read(self);
    }
}

impl KernelTimer for timerfd::TimerFd {
    fn create() -> Self {
        timerfd::TimerFd::new_custom(timerfd::ClockId::Monotonic, true, true).expect("a timer")
    }

    fn settime(&mut self, delay: Duration) {
        std::hint::black_box(self.set_state(timerfd::TimerState::Oneshot(delay), timerfd::SetTimeFlags::Default));
    }

    fn gettime(&self) {
        std::hint::black_box(self.get_state());
    }

    fn read(&self) {
        assert_ne!(timerfd::TimerFd::read(self), 0);
    }
}

impl KernelTimer for by_nix::TimerFd {
    fn create() -> Self {
        let flags = by_nix::TimerFlags::TFD_NONBLOCK | by_nix::TimerFlags::TFD_CLOEXEC;
        by_nix::TimerFd::new(by_nix::ClockId::CLOCK_MONOTONIC, flags).expect("a timer")
    }

    fn settime(&mut self, delay: Duration) {
        let expiration = by_nix::Expiration::OneShot(TimeSpec::from_duration(delay));
        self.set(expiration, TimerSetTimeFlags::empty()).expect("settime");
    }

    fn gettime(&self) {
        std::hint::black_box(self.get()).expect("gettime");
    }

    fn read(&self) {
        self.wait().expect("read");
    }
}

/// A descriptor, because `rustix` has functions and no timer type.
pub struct Rustix(OwnedFd);

impl AsFd for Rustix {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl KernelTimer for Rustix {
    fn create() -> Self {
        let flags = by_rustix::TimerfdFlags::NONBLOCK | by_rustix::TimerfdFlags::CLOEXEC;
        Rustix(by_rustix::timerfd_create(by_rustix::TimerfdClockId::Monotonic, flags).expect("a timer"))
    }

    fn settime(&mut self, delay: Duration) {
        let it_value = by_rustix::Timespec {
            tv_sec: i64::try_from(delay.as_secs()).expect("a short delay"),
            tv_nsec: delay.subsec_nanos().into(),
        };
        let new = by_rustix::Itimerspec { it_interval: by_rustix::Timespec::default(), it_value };
        let old = by_rustix::timerfd_settime(&self.0, by_rustix::TimerfdTimerFlags::empty(), &new);
        std::hint::black_box(old).expect("settime");
    }

    fn gettime(&self) {
        std::hint::black_box(by_rustix::timerfd_gettime(&self.0)).expect("gettime");
    }

    fn read(&self) {
        let mut count = [0; 8];
        assert_eq!(rustix::io::read(&self.0, &mut count).expect("read"), 8);
        std::hint::black_box(count);
    }
}
