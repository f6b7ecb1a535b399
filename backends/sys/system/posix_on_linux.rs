//! The POSIX platform as far as Linux can run it, for the tests.

use super::platform::{System, POSIX};

pub(crate) const SYSTEM: System = System {
    // Linux's pipes have inode numbers. This runs the sockets of NetBSD and OpenBSD.
    pipes_lack_inodes: true,
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
