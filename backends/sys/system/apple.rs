//! macOS, iOS and the other Apple platforms.

use std::os::fd::AsRawFd;

use super::explicit::explicit;
use super::platform::{System, POSIX};
use crate::backends::sys::error::check;

pub(crate) const SYSTEM: System = System {
    // `CLOCK_MONOTONIC` advances during a suspend, and has a resolution of a microsecond.
    // `CLOCK_UPTIME_RAW` counts the same ticks as `CLOCK_MONOTONIC_RAW`.
    monotonic: libc::CLOCK_UPTIME_RAW,
    monotonic_counts_suspend: Some(false),
    boottime: Some(libc::CLOCK_MONOTONIC_RAW),
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    // A longer pause saves energy. Apple platforms count each wake-up against the app.
    refresh_pause: 10_000_000,
    pipes_may_be_bidirectional: false,
    set_no_sigpipe: |fd| {
        // The value of `fcntl.h`. Only recent versions of the `libc` crate have it.
        const F_SETNOSIGPIPE: libc::c_int = 73;
        // SAFETY: setting a flag touches no memory.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), F_SETNOSIGPIPE, 1) }).map(drop)
    },
    descriptor_directory: Some(b"/dev/fd\0"),
    is_set_user_id: || {
        // SAFETY: the call touches no memory.
        unsafe { libc::issetugid() != 0 }
    },
    name_thread: |name| {
        // SAFETY: the name ends with a zero. If the call fails, the thread keeps its name.
        unsafe { libc::pthread_setname_np(name.as_ptr()) };
    },
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    threads: explicit::<2>(),
    ..POSIX
};
