//! NetBSD.

use super::row::{System, POSIX};

pub(crate) const SYSTEM: System = System {
    pipe2: Some(libc::pipe2),
    pipes_may_go_both_ways: false,
    no_sigpipe: libc::O_NOSIGPIPE,
    name_thread: |name| {
        // SAFETY: the name ends with a zero and has no place for an argument; one that is refused leaves the thread as it is.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr(), std::ptr::null_mut()) };
    },
    ..POSIX
};
