//! Linux with musl, or another C library that is neither the GNU one nor Android's.

use std::os::raw::c_int;

use super::linux;
use super::linux_threads::{retry_from_deadline, Cpus, THREADS};
use super::platform::System;
use super::threads::Threads;
use crate::backends::sys::thread_options::ThreadOptions;

pub(crate) const SYSTEM: System = System { threads: Threads { prepare, ..THREADS }, ..linux::SYSTEM };

/// Lets the new thread inherit the CPUs of the options. musl has no thread attribute for CPUs, so
/// the calling thread itself has these CPUs for the duration of the call.
fn prepare(options: &ThreadOptions, create: &mut dyn FnMut() -> c_int) -> c_int {
    let Some(list) = options.chosen_cpus() else { return retry_from_deadline(create) };
    let before = match Cpus::of(0) {
        Ok(before) => before,
        // The system has more CPUs than fit in `Cpus`.
        Err(_) => return libc::EINVAL,
    };
    let errno = set_cpus(&Cpus::from_list(list));
    if errno != 0 {
        return errno;
    }
    let errno = retry_from_deadline(create);
    set_cpus(&before);
    errno
}

/// Sets the CPUs of the calling thread, and returns an error number.
fn set_cpus(cpus: &Cpus) -> c_int {
    let (size, set) = cpus.as_set();
    // SAFETY: the calling thread's identity is valid, and `set` is valid for reads of `size`.
    unsafe { libc::pthread_setaffinity_np(libc::pthread_self(), size, set) }
}
