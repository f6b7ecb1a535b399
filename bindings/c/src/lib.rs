//! The three functions of `<sys/timerfd.h>`, with the names of Linux's C libraries, and those of
//! `<portable_timerfd.h>`.
//!
//! On Linux the functions make the kernel's calls, or, if the environment requests it, those of the
//! userspace backend. On other systems they always make those of the userspace backend. A program
//! has only the descriptor of a timer, and reads, polls and closes it with the system's own calls.
//! `include/sys/timerfd.h` lists what the userspace backend cannot do for a raw descriptor.
//!
//! The crate needs `unsafe` only for pointers that C callers pass, and for system calls.
#![warn(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod choice;
pub mod extensions;
mod memory;
mod report;

use descriptors::{kernel, userspace, Itimerspec};
use errno::{errno, set_errno, Errno};
use libc::c_int;
use std::io;

/// Converts a result for C: the number, with `errno` unchanged, or -1, with the error in `errno`.
fn answer(call: impl FnOnce() -> io::Result<c_int>) -> c_int {
    let before = errno();
    let (answer, errno) = match call() {
        Ok(answer) => (answer, before),
        Err(e) => (-1, Errno(e.raw_os_error().unwrap_or(libc::EINVAL))),
    };
    set_errno(errno);
    answer
}

/// `timerfd_create(2)`: creates a timer and returns its descriptor.
#[no_mangle]
pub extern "C" fn timerfd_create(clockid: c_int, flags: c_int) -> c_int {
    answer(|| report::with_thread_options(descriptors::create(choice::backend()?, clockid, flags)))
}

/// `timerfd_settime(2)`: sets the timer of a descriptor and stores its old setting.
///
/// # Safety
///
/// As in C: `new_value` is null or points to a setting, and `old_value` is null or points to memory
/// for one. On Linux, a pointer to unmapped memory is an error.
#[no_mangle]
pub unsafe extern "C" fn timerfd_settime(
    fd: c_int,
    flags: c_int,
    new_value: *const Itimerspec,
    old_value: *mut Itimerspec,
) -> c_int {
    // SAFETY: the caller guarantees that the pointers are valid, and the kernel detects invalid
    // ones.
    let by_kernel = || unsafe { kernel::settime(fd, flags, new_value, old_value) };
    let by_userspace = |timer| {
        // SAFETY: the caller guarantees that the pointer is valid.
        let new = unsafe { memory::read(new_value)? };
        let before = userspace::settime(timer, flags, &new)?;
        if !old_value.is_null() {
            // SAFETY: the caller guarantees that the pointer is valid.
            unsafe { memory::write(old_value, before)? };
        }
        Ok(0)
    };
    answer(|| descriptors::call(fd, by_kernel, by_userspace))
}

/// `timerfd_gettime(2)`: stores the remaining time and the interval of a descriptor's timer.
///
/// # Safety
///
/// As in C: `curr_value` is null or points to memory for a setting. On Linux, a pointer to unmapped
/// memory is an error.
#[no_mangle]
pub unsafe extern "C" fn timerfd_gettime(fd: c_int, curr_value: *mut Itimerspec) -> c_int {
    // SAFETY: the caller guarantees that the pointer is valid, and the kernel detects an invalid
    // one.
    let by_kernel = || unsafe { kernel::gettime(fd, curr_value) };
    let by_userspace = |timer: io::Result<_>| {
        let left = userspace::gettime(&timer?)?;
        // SAFETY: the caller guarantees that the pointer is valid.
        unsafe { memory::write(curr_value, left)? };
        Ok(0)
    };
    answer(|| descriptors::call(fd, by_kernel, by_userspace))
}
