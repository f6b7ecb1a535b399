//! NetBSD.

use super::explicit::explicit;
use super::platform::{System, POSIX};
use crate::backends::sys::error::check;

/// The value of `dlfcn.h`. The `libc` crate does not have it.
const RTLD_NODELETE: libc::c_int = 0x1000;

pub(crate) const SYSTEM: System = System {
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    // `adjtime` and NTP scale the time counter, from which both clocks are derived.
    max_slew_ppm: 0,
    pipe2: Some(libc::pipe2),
    pipes_may_be_bidirectional: false,
    pipes_lack_inodes: true,
    no_sigpipe: libc::O_NOSIGPIPE,
    socket_flags: libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK | libc::SOCK_NOSIGPIPE,
    highest_descriptor: || {
        const ANY: libc::c_int = 0;
        // SAFETY: the call touches no memory, and ignores the descriptor.
        check(unsafe { libc::fcntl(ANY, libc::F_MAXFD) }).ok()
    },
    is_set_user_id: || {
        // SAFETY: the call touches no memory.
        unsafe { libc::issetugid() != 0 }
    },
    name_thread: |name| {
        // SAFETY: the name ends with a zero and has no format specifier, so it needs no argument.
        // If the call fails, the thread keeps its name.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr(), std::ptr::null_mut()) };
    },
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | RTLD_NODELETE),
    threads: explicit::<1>(),
    ..POSIX
};
