//! Linux with musl, or another C library that is neither the GNU one nor Android's.

use std::os::raw::c_int;

use super::linux;
use super::linux_threads::{retry_from_deadline, Cpus, THREADS};
use super::row::System;
use super::threads::Threads;
use crate::backends::sys::thread_options::ThreadOptions;

pub(crate) const SYSTEM: System = System { threads: Threads { prepare, ..THREADS }, ..linux::SYSTEM };

/// CPUs are no attribute here. So the calling thread takes them for the length of the call, and the
/// new thread inherits them.
fn prepare(options: &ThreadOptions, create: &mut dyn FnMut() -> c_int) -> c_int {
    let Some(list) = options.chosen_cpus() else { return retry_from_deadline(create) };
    let before = match Cpus::of(0) {
        Ok(before) => before,
        // The system has more CPUs than a set holds.
        Err(_) => return libc::EINVAL,
    };
    let errno = take(&Cpus::from_list(list));
    if errno != 0 {
        return errno;
    }
    let errno = retry_from_deadline(create);
    take(&before);
    errno
}

/// Gives the calling thread these CPUs; returns an error number.
fn take(cpus: &Cpus) -> c_int {
    let (size, set) = cpus.as_set();
    // SAFETY: the calling thread's identity is valid, and `set` is valid for reads of `size`.
    unsafe { libc::pthread_setaffinity_np(libc::pthread_self(), size, set) }
}
