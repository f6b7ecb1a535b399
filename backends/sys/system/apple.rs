//! macOS, iOS and their kin.

use std::os::fd::AsRawFd;

use super::explicit::explicit;
use super::row::{System, POSIX};
use crate::backends::sys::error::check;

pub(crate) const SYSTEM: System = System {
    // What bears the name of the monotonic clock counts suspends here, in microseconds; this one counts the same ticks as those
    // below.
    monotonic: libc::CLOCK_UPTIME_RAW,
    monotonic_counts_suspend: Some(false),
    boottime: Some(libc::CLOCK_MONOTONIC_RAW),
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    // Energy: each wake-up counts against the app there.
    refresh_pause: 10_000_000,
    pipes_may_go_both_ways: false,
    take_no_sigpipe: |fd| {
        // As `fcntl.h` has it; the `libc` crate has it only lately.
        const F_SETNOSIGPIPE: libc::c_int = 73;
        // SAFETY: setting a flag touches no memory.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), F_SETNOSIGPIPE, 1) }).map(drop)
    },
    descriptor_directory: Some(b"/dev/fd\0"),
    name_thread: |name| {
        // SAFETY: the name ends with a zero; a name that is refused leaves the thread as it is.
        unsafe { libc::pthread_setname_np(name.as_ptr()) };
    },
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    threads: explicit::<2>(),
    ..POSIX
};
