//! OpenBSD.

use super::bsd::BSD;
use super::platform::System;

pub(crate) const SYSTEM: System = System {
    monotonic_counts_suspend: Some(false),
    // `CLOCK_MONOTONIC` is the same clock as `CLOCK_BOOTTIME`.
    monotonic_is_that_of_c: false,
    // `adjtime` and `adjfreq` scale the time counter, from which both clocks are derived.
    max_slew_ppm: 0,
    boottime: Some(libc::CLOCK_BOOTTIME),
    #[cfg(feature = "libc")]
    more_clock_ids: &[(libc::CLOCK_BOOTTIME, crate::clock::Clock::Boottime)],
    pipes_lack_inodes: true,
    // The kernel ends a process that sets this option after `pledge("stdio")`.
    shrink_send_buffer: |_| {},
    count_of_descriptors: || {
        // SAFETY: the call has no argument and touches no memory.
        usize::try_from(unsafe { getdtablecount() }).ok()
    },
    // If a handler is registered, a child's first fork after it has created a thread never returns:
    // the C library marks the child as single-threaded before it unlocks the list of handlers, and
    // so leaves the list locked.
    wipe_on_fork: Some(|page, size| {
        const INHERIT_ZERO: libc::c_int = 3;
        // SAFETY: the caller owns the page.
        unsafe { minherit(page, size, INHERIT_ZERO) }
    }),
    ..BSD
};

// The declarations of `unistd.h` and `sys/mman.h`. The `libc` crate may not have them.
extern "C" {
    fn getdtablecount() -> libc::c_int;
    fn minherit(page: *mut libc::c_void, size: libc::size_t, inheritance: libc::c_int) -> libc::c_int;
}
