//! illumos and Solaris.

use super::explicit::explicit;
use super::row::{System, POSIX};

// illumos' monotonic clock counts suspends on x86, by its source; of other machines, and of Solaris, it is not known.
pub(crate) const SYSTEM: System = System {
    // As `sys/time_impl.h` has it; the `libc` crate has it only lately.
    thread_cpu_time: Some(2),
    // The kernel adds up to a sixteenth of each tick, or 62,500 ppm, to the wall clock alone.
    max_slew_ppm: 63_000,
    pipe2: Some(libc::pipe2),
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    descriptor_directory: Some(b"/proc/self/fd\0"),
    threads: explicit::<0>(),
    ..POSIX
};
