//! The POSIX platform as far as Linux can run it, for the tests.

use super::platform::{System, POSIX};

/// Whether `Clock::Monotonic` is another clock than C's `CLOCK_MONOTONIC`, as on macOS and OpenBSD.
///
/// The two clocks show the same time unless the system was suspended. A time namespace can set any
/// difference between them.
const HAS_TWO_CLOCKS: bool = cfg!(portable_timerfd_test_boottime);

pub(crate) const SYSTEM: System = System {
    // Linux's pipes have inode numbers. This runs the sockets of NetBSD and OpenBSD.
    pipes_lack_inodes: true,
    monotonic: if HAS_TWO_CLOCKS { libc::CLOCK_BOOTTIME } else { libc::CLOCK_MONOTONIC },
    monotonic_is_that_of_c: !HAS_TWO_CLOCKS,
    descriptor_directory: Some(b"/proc/thread-self/fd\0"),
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    // As on FreeBSD, so that the tests run sleeps in parts.
    sleep_extension: 16,
    // As on OpenBSD.
    wipe_on_fork: Some(|page, size| {
        // SAFETY: the caller owns the page.
        unsafe { libc::madvise(page, size, libc::MADV_WIPEONFORK) }
    }),
    ..POSIX
};
