//! The common part of FreeBSD, DragonFly and OpenBSD.

use super::explicit::explicit;
use super::platform::{System, POSIX};

pub(crate) const BSD: System = System {
    // `CLOCK_MONOTONIC` advances during a suspend on OpenBSD, or may do so in future. The kernels
    // of FreeBSD and DragonFly read the same clock for both numbers.
    monotonic: libc::CLOCK_UPTIME,
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    pipe2: Some(libc::pipe2),
    socket_flags: libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
    is_set_user_id: || {
        // SAFETY: the call touches no memory.
        unsafe { libc::issetugid() != 0 }
    },
    name_thread: |name| {
        // SAFETY: the name ends with a zero. If the call fails, the thread keeps its name.
        unsafe { libc::pthread_set_name_np(libc::pthread_self(), name.as_ptr()) };
    },
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    threads: explicit::<0>(),
    ..POSIX
};
