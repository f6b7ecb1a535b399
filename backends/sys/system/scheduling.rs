//! Explicit scheduling attributes, on platforms that have this option of POSIX.

use std::io;
use std::mem::MaybeUninit;
use std::os::raw::c_int;

use crate::backends::sys::error::{check_errno, os_error};
use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};

// The `libc` crate declares these only for some platforms.
extern "C" {
    fn pthread_attr_setinheritsched(attributes: *mut libc::pthread_attr_t, inherits: c_int) -> c_int;
    fn pthread_attr_setschedpolicy(attributes: *mut libc::pthread_attr_t, policy: c_int) -> c_int;
    fn pthread_attr_getschedparam(attributes: *const libc::pthread_attr_t, parameters: *mut libc::sched_param)
        -> c_int;
    fn pthread_attr_setschedparam(attributes: *mut libc::pthread_attr_t, parameters: *const libc::sched_param)
        -> c_int;
}

/// Returns the system's number for a policy, and the priority. `None` stands for the priority of a
/// new attributes object.
fn numbers(policy: ThreadPolicy) -> (c_int, Option<c_int>) {
    match policy {
        ThreadPolicy::Other => (libc::SCHED_OTHER, None),
        ThreadPolicy::Fifo(priority) => (libc::SCHED_FIFO, Some(priority.into())),
        ThreadPolicy::RoundRobin(priority) => (libc::SCHED_RR, Some(priority.into())),
    }
}

/// Returns `EINVAL` if the policy has no such priority.
pub(crate) fn check_priority(options: &ThreadOptions) -> io::Result<()> {
    let (policy, Some(priority)) = numbers(options.chosen_policy()) else { return Ok(()) };
    // SAFETY: these calls take a number and touch no memory of this process.
    let [least, most] = unsafe { [libc::sched_get_priority_min(policy), libc::sched_get_priority_max(policy)] };
    if (least..=most).contains(&priority) {
        Ok(())
    } else {
        Err(os_error(libc::EINVAL))
    }
}

/// Sets the policy and the priority of the options in the attributes of a new thread.
pub(crate) fn set<const EXPLICIT: c_int>(
    attributes: &mut libc::pthread_attr_t,
    options: &ThreadOptions,
) -> io::Result<()> {
    let (policy, priority) = numbers(options.chosen_policy());
    let mut parameters = MaybeUninit::<libc::sched_param>::zeroed();
    // SAFETY: `attributes` has been initialized. `parameters` is valid for writes, and its zero
    // bytes are valid parameters. The calls keep no pointer.
    unsafe {
        check_errno(pthread_attr_setinheritsched(attributes, EXPLICIT))?;
        check_errno(pthread_attr_setschedpolicy(attributes, policy))?;
        // The ordinary priority of `SCHED_OTHER` is 0 on Linux but 31 on macOS, where 0 is a very
        // low priority. A new attributes object has the ordinary priority.
        check_errno(pthread_attr_getschedparam(attributes, parameters.as_mut_ptr()))?;
        let mut parameters = parameters.assume_init();
        parameters.sched_priority = priority.unwrap_or(parameters.sched_priority);
        check_errno(pthread_attr_setschedparam(attributes, &parameters))
    }
}
