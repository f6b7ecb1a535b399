//! The differences between platforms: one [`System`] for each, and the choice of the one to use.

mod platform;
mod threads;
mod timerfd;

use cfg_if::cfg_if;

#[cfg(test)]
pub(super) use platform::POSIX;
pub(super) use platform::{System, WipeOnFork};
pub(super) use timerfd::Timerfd;

// This is the only code that depends on the target platform. With `portable_timerfd_test_posix`,
// the tests run on Linux the code of the other platforms.
cfg_if! {
    if #[cfg(miri)] {
        mod miri;
        pub(super) use miri::SYSTEM;
    } else if #[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))] {
        mod linux;
        mod linux_threads;
        mod scheduling;
        cfg_if! {
            if #[cfg(target_env = "gnu")] {
                mod gnu;
                pub(super) use gnu::SYSTEM;
            } else {
                mod musl;
                pub(super) use musl::SYSTEM;
            }
        }
    } else if #[cfg(all(target_os = "linux", portable_timerfd_test_posix))] {
        mod posix_on_linux;
        pub(super) use posix_on_linux::SYSTEM;
    } else if #[cfg(target_os = "android")] {
        mod android;
        mod linux;
        pub(super) use android::SYSTEM;
    } else if #[cfg(target_vendor = "apple")] {
        mod apple;
        mod explicit;
        mod scheduling;
        pub(super) use apple::SYSTEM;
    } else if #[cfg(target_os = "freebsd")] {
        mod bsd;
        mod freebsd;
        mod explicit;
        mod scheduling;
        pub(super) use freebsd::SYSTEM;
    } else if #[cfg(target_os = "dragonfly")] {
        mod bsd;
        mod explicit;
        mod scheduling;
        pub(super) use bsd::BSD as SYSTEM;
    } else if #[cfg(target_os = "netbsd")] {
        mod netbsd;
        mod explicit;
        mod scheduling;
        pub(super) use netbsd::SYSTEM;
    } else if #[cfg(target_os = "openbsd")] {
        mod bsd;
        mod openbsd;
        mod explicit;
        mod scheduling;
        pub(super) use openbsd::SYSTEM;
    } else if #[cfg(any(target_os = "illumos", target_os = "solaris"))] {
        mod explicit;
        mod scheduling;
        mod solaris;
        pub(super) use solaris::SYSTEM;
    } else {
        pub(super) use platform::POSIX as SYSTEM;
    }
}

cfg_if! {
    if #[cfg(all(feature = "libc", any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "illumos",
        target_os = "solaris",
    )))] {
        mod libc_types;
    }
}
