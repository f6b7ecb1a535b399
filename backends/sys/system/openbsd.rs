//! OpenBSD.

use super::bsd::BSD;
use super::platform::System;

pub(crate) const SYSTEM: System = System {
    monotonic_counts_suspend: Some(false),
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
    ..BSD
};

// The declaration of `unistd.h`. The `libc` crate does not have it.
extern "C" {
    fn getdtablecount() -> libc::c_int;
}
