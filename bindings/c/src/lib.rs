//! The three functions of `<sys/timerfd.h>`, by the names that Linux's C libraries have, for programs in C and whatever calls C.
//!
//! On Linux they are the kernel's calls, or, if the environment says so, those of the userspace backend; elsewhere always those. A timer
//! is known by its descriptor alone, so that programs read, wait for and close it by the system's own calls. `include/sys/timerfd.h` lists
//! what the userspace backend can't do for a raw descriptor.
//!
//! All of the crate's `unsafe` is what C hands over, pointers, and the system's own calls.
#![warn(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod choice;
mod memory;

use descriptors::{kernel, userspace, Itimerspec};
use errno::{errno, set_errno, Errno};
use libc::c_int;
use std::io;

/// What C gets: the number, `errno` being as it was, or -1 and the error in `errno`.
fn answer(call: impl FnOnce() -> io::Result<c_int>) -> c_int {
    let before = errno();
    let (answer, errno) = match call() {
        Ok(answer) => (answer, before),
        Err(e) => (-1, Errno(e.raw_os_error().unwrap_or(libc::EINVAL))),
    };
    set_errno(errno);
    answer
}

/// `timerfd_create(2)`: a new timer's descriptor.
#[no_mangle]
pub extern "C" fn timerfd_create(clockid: c_int, flags: c_int) -> c_int {
    answer(|| descriptors::create(choice::backend()?, clockid, flags))
}

/// `timerfd_settime(2)`: sets the timer of a descriptor; what was left of the old setting.
///
/// # Safety
///
/// As in C: `new_value` points to a setting and `old_value` to a place for one, or is null. On Linux, pointers to no memory at all are
/// errors.
#[no_mangle]
pub unsafe extern "C" fn timerfd_settime(
    fd: c_int,
    flags: c_int,
    new_value: *const Itimerspec,
    old_value: *mut Itimerspec,
) -> c_int {
    // SAFETY: the caller answers for the pointers, and the kernel finds out those that are none.
    let by_kernel = || unsafe { kernel::settime(fd, flags, new_value, old_value) };
    let by_userspace = |timer| {
        // SAFETY: the caller answers for the pointer.
        let new = unsafe { memory::read(new_value)? };
        let before = userspace::settime(timer, flags, &new)?;
        if !old_value.is_null() {
            // SAFETY: the caller answers for the pointer.
            unsafe { memory::write(old_value, before)? };
        }
        Ok(0)
    };
    answer(|| descriptors::call(fd, by_kernel, by_userspace))
}

/// `timerfd_gettime(2)`: what is left of the setting of a descriptor's timer.
///
/// # Safety
///
/// As in C: `curr_value` points to a place for a setting. On Linux, a pointer to no memory at all is an error.
#[no_mangle]
pub unsafe extern "C" fn timerfd_gettime(fd: c_int, curr_value: *mut Itimerspec) -> c_int {
    // SAFETY: the caller answers for the pointer, and the kernel finds out one that is none.
    let by_kernel = || unsafe { kernel::gettime(fd, curr_value) };
    let by_userspace = |timer: io::Result<_>| {
        let left = userspace::gettime(&timer?)?;
        // SAFETY: the caller answers for the pointer.
        unsafe { memory::write(curr_value, left)? };
        Ok(0)
    };
    answer(|| descriptors::call(fd, by_kernel, by_userspace))
}
