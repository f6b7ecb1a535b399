//! Linux with the GNU C library.

use std::io;
use std::mem::transmute;
use std::os::raw::{c_int, c_void};

use super::linux;
use super::linux_threads::{self, Cpus};
use super::row::System;
use super::threads::Threads;
use crate::backends::sys::error::check_errno;
use crate::backends::sys::thread_options::ThreadOptions;

pub(crate) const SYSTEM: System = System {
    threads: Threads { static_storage, set_scheduling, ..linux_threads::THREADS },
    ..linux::SYSTEM
};

/// The CPUs are an attribute too, so that a thread that cannot have them is not created.
fn set_scheduling(attributes: &mut libc::pthread_attr_t, options: &ThreadOptions) -> io::Result<()> {
    linux_threads::set_scheduling(attributes, options)?;
    let Some(list) = options.chosen_cpus() else { return Ok(()) };
    let cpus = Cpus::from_list(list);
    let (size, set) = cpus.as_set();
    // SAFETY: `attributes` has been initialized, and `set` is valid for reads of `size`. The call
    // copies the set.
    check_errno(unsafe { libc::pthread_attr_setaffinity_np(attributes, size, set) })
}

/// By the function that std asks, and by its name, since it may be missing from any version. A
/// static executable has no function by that name, but one table of segments.
fn static_storage(attributes: &libc::pthread_attr_t) -> usize {
    // SAFETY: the name ends with a zero, and the call only looks it up.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, b"__pthread_get_minstack\0".as_ptr().cast()) };
    if found.is_null() {
        return segments();
    }
    // SAFETY: a function of this name takes attributes, which it reads, and returns a size, in all
    // versions that have it.
    let least = unsafe { transmute::<*mut c_void, unsafe extern "C" fn(*const libc::pthread_attr_t) -> usize>(found) };
    // SAFETY: `attributes` has been initialized.
    unsafe { least(attributes) }.saturating_sub(libc::PTHREAD_STACK_MIN)
}

/// The size of the thread-local storage of the objects in this process.
fn segments() -> usize {
    let mut sum = 0usize;
    // SAFETY: `add` takes what the call hands to it, and the place of the sum, which outlives the
    // call.
    unsafe { libc::dl_iterate_phdr(Some(add), (&mut sum as *mut usize).cast()) };
    sum
}

unsafe extern "C" fn add(object: *mut libc::dl_phdr_info, _size: usize, sum: *mut c_void) -> c_int {
    // SAFETY: `object` describes an object whose program headers stay in memory for the call; `sum`
    // is the place that `segments` gave.
    let (object, sum) = unsafe { (&*object, &mut *sum.cast::<usize>()) };
    if object.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: the table has as many headers as the object says.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
    for header in headers.iter().filter(|header| header.p_type == libc::PT_TLS) {
        let size = header.p_memsz.saturating_add(header.p_align);
        *sum = sum.saturating_add(usize::try_from(size).unwrap_or(0));
    }
    0
}
