//! The C library's timerfd calls, as a C program makes them.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A kernel timer.
pub struct Timerfd(OwnedFd);

impl Timerfd {
    #[inline]
    pub fn create() -> Timerfd {
        // SAFETY: the call touches no memory of this process.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        assert!(fd >= 0);
        // SAFETY: the kernel has just created this descriptor, and no other code owns it.
        Timerfd(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    #[inline]
    pub fn settime(&self, delay: Duration) {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let value = libc::timespec { tv_sec: delay.as_secs() as _, tv_nsec: delay.subsec_nanos() as _ };
        let new = libc::itimerspec { it_interval: zero, it_value: value };
        let mut old = MaybeUninit::uninit();
        // SAFETY: `new` is initialized, and `old` is valid for a write of an `itimerspec`.
        assert_eq!(unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &new, old.as_mut_ptr()) }, 0);
        std::hint::black_box(old);
    }

    #[inline]
    pub fn gettime(&self) {
        let mut now = MaybeUninit::uninit();
        // SAFETY: `now` is valid for a write of an `itimerspec`.
        assert_eq!(unsafe { libc::timerfd_gettime(self.0.as_raw_fd(), now.as_mut_ptr()) }, 0);
        std::hint::black_box(now);
    }

    #[inline]
    pub fn read(&self) {
        let mut count = 0u64;
        // SAFETY: `count` is valid for a write of eight bytes.
        assert_eq!(unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) }, 8);
        std::hint::black_box(count);
    }
}

impl AsFd for Timerfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
