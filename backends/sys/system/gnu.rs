//! Linux with the GNU C library.

use std::io;
use std::mem::transmute;
use std::os::raw::{c_int, c_void};

use super::linux;
use super::linux_threads::{self, Cpus};
use super::platform::System;
use super::threads::Threads;
use crate::backends::sys::error::check_errno;
use crate::backends::sys::thread_options::ThreadOptions;

pub(crate) const SYSTEM: System = System {
    threads: Threads { static_storage, set_scheduling, ..linux_threads::THREADS },
    ..linux::SYSTEM
};

/// Also sets the CPUs as an attribute, so that a thread that cannot have them is not created.
fn set_scheduling(attributes: &mut libc::pthread_attr_t, options: &ThreadOptions) -> io::Result<()> {
    linux_threads::set_scheduling(attributes, options)?;
    let Some(list) = options.chosen_cpus() else { return Ok(()) };
    let cpus = Cpus::from_list(list);
    let (size, set) = cpus.as_set();
    // SAFETY: `attributes` has been initialized, and `set` is valid for reads of `size`. The call
    // copies the set.
    check_errno(unsafe { libc::pthread_attr_setaffinity_np(attributes, size, set) })
}

/// Returns the size of the static thread-local storage of a thread.
///
/// Calls the function that std calls. It is looked up by name, because any version of the C library
/// may lack it. In a static executable, the lookup fails, and the size is calculated from the
/// executable's only table of segments.
fn static_storage(attributes: &libc::pthread_attr_t) -> usize {
    // SAFETY: the name ends with a zero, and the call only looks it up.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, b"__pthread_get_minstack\0".as_ptr().cast()) };
    if found.is_null() {
        return segments();
    }
    // SAFETY: in all versions of the C library that have this function, it reads attributes and
    // returns a size.
    let least = unsafe { transmute::<*mut c_void, unsafe extern "C" fn(*const libc::pthread_attr_t) -> usize>(found) };
    // SAFETY: `attributes` has been initialized.
    unsafe { least(attributes) }.saturating_sub(libc::PTHREAD_STACK_MIN)
}

/// Adds up the thread-local storage of all objects in this process.
fn segments() -> usize {
    let mut sum = 0usize;
    // SAFETY: `add` has the type of the callback, and `sum` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(add), (&mut sum as *mut usize).cast()) };
    sum
}

unsafe extern "C" fn add(object: *mut libc::dl_phdr_info, _size: usize, sum: *mut c_void) -> c_int {
    // SAFETY: `object` describes an object whose program headers stay in memory during the call.
    // `sum` is the pointer that `segments` has passed.
    let (object, sum) = unsafe { (&*object, &mut *sum.cast::<usize>()) };
    if object.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: the table has `dlpi_phnum` headers.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
    for header in headers.iter().filter(|header| header.p_type == libc::PT_TLS) {
        let size = header.p_memsz.saturating_add(header.p_align);
        *sum = sum.saturating_add(usize::try_from(size).unwrap_or(0));
    }
    0
}
