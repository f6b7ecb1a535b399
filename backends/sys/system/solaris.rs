//! illumos and Solaris.

use super::explicit::explicit;
use super::platform::{System, POSIX};

// According to its source, the monotonic clock of illumos advances during a suspend on x86. For
// other architectures and for Solaris, this is not known.
pub(crate) const SYSTEM: System = System {
    // The value of `sys/time_impl.h`. Only recent versions of the `libc` crate have it.
    thread_cpu_time: Some(2),
    // The kernel adds up to a sixteenth of each tick, or 62,500 ppm, to the wall clock alone.
    max_slew_ppm: 63_000,
    pipe2: Some(libc::pipe2),
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    descriptor_directory: Some(b"/proc/self/fd\0"),
    threads: explicit::<0>(),
    ..POSIX
};
