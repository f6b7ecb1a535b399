//! Explicit scheduling attributes, as POSIX has them, where the system has that option of POSIX.

use std::io;
use std::mem::MaybeUninit;
use std::os::raw::c_int;

use crate::backends::sys::error::{check_errno, os_error};
use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};

// The `libc` crate has these for some systems only.
extern "C" {
    fn pthread_attr_setinheritsched(attributes: *mut libc::pthread_attr_t, inherits: c_int) -> c_int;
    fn pthread_attr_setschedpolicy(attributes: *mut libc::pthread_attr_t, policy: c_int) -> c_int;
    fn pthread_attr_getschedparam(attributes: *const libc::pthread_attr_t, parameters: *mut libc::sched_param)
        -> c_int;
    fn pthread_attr_setschedparam(attributes: *mut libc::pthread_attr_t, parameters: *const libc::sched_param)
        -> c_int;
}

/// The system's number for a policy, and the priority; `None` for that of a new attributes object.
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
    // SAFETY: these calls take a number and touch no memory of ours.
    let [least, most] = unsafe { [libc::sched_get_priority_min(policy), libc::sched_get_priority_max(policy)] };
    if (least..=most).contains(&priority) {
        Ok(())
    } else {
        Err(os_error(libc::EINVAL))
    }
}

/// Makes the policy and priority of the options those of a new thread.
pub(crate) fn set<const EXPLICIT: c_int>(
    attributes: &mut libc::pthread_attr_t,
    options: &ThreadOptions,
) -> io::Result<()> {
    let (policy, priority) = numbers(options.chosen_policy());
    let mut parameters = MaybeUninit::<libc::sched_param>::zeroed();
    // SAFETY: `attributes` has been initialized, and `parameters` is a valid place for parameters,
    // of which zero bytes are some. The calls keep neither.
    unsafe {
        check_errno(pthread_attr_setinheritsched(attributes, EXPLICIT))?;
        check_errno(pthread_attr_setschedpolicy(attributes, policy))?;
        // The ordinary priority of `SCHED_OTHER` is 0 on Linux and 31 on macOS, where 0 is a very
        // low one: a new attributes object has the ordinary one.
        check_errno(pthread_attr_getschedparam(attributes, parameters.as_mut_ptr()))?;
        let mut parameters = parameters.assume_init();
        parameters.sched_priority = priority.unwrap_or(parameters.sched_priority);
        check_errno(pthread_attr_setschedparam(attributes, &parameters))
    }
}
