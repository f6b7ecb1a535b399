//! What FreeBSD, DragonFly and OpenBSD have in common.

use super::explicit::explicit;
use super::row::{System, POSIX};

pub(crate) const BSD: System = System {
    // What bears the name of the monotonic clock counts suspends on some of them, or may come to.
    monotonic: libc::CLOCK_UPTIME,
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    pipe2: Some(libc::pipe2),
    name_thread: |name| {
        // SAFETY: the name ends with a zero; a name that is refused leaves the thread as it is.
        unsafe { libc::pthread_set_name_np(libc::pthread_self(), name.as_ptr()) };
    },
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    threads: explicit::<0>(),
    ..POSIX
};
