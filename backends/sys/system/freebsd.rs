//! FreeBSD.

use std::mem::size_of;
use std::ptr::addr_of_mut;

use super::bsd::BSD;
use super::platform::System;
use crate::backends::sys::error::check;

pub(crate) const SYSTEM: System = System {
    // So far, no clock of FreeBSD advances during a suspend, whatever its name.
    monotonic_counts_suspend: Some(false),
    // `adjtime` and NTP scale the time counter, from which both clocks are derived.
    max_slew_ppm: 0,
    count_of_descriptors,
    // The share is `kern.timecounter.alloweddeviation`: its default of 5 % gives 1/16. It affects
    // condition variables in FreeBSD 12, but not in recent sources, and `nanosleep`, `poll` and the
    // timeout of `kevent` in all. It does not affect kqueue's own timers, but these would need a
    // descriptor, which the program may close.
    sleep_extension: 16,
    ..BSD
};

fn count_of_descriptors() -> Option<usize> {
    const THIS_PROCESS: libc::c_int = 0;
    let name = [libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_NFDS, THIS_PROCESS];
    let (mut count, mut size) = (0 as libc::c_int, size_of::<libc::c_int>());
    // SAFETY: the name has four numbers, and `count` is valid for writes of `size` bytes. The call
    // sets no value.
    let stored =
        check(unsafe { libc::sysctl(name.as_ptr(), 4, addr_of_mut!(count).cast(), &mut size, std::ptr::null(), 0) });
    stored.ok().and_then(|_| usize::try_from(count).ok())
}
