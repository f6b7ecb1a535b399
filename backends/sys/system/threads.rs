//! What systems differ in when a thread is created: its stack, its scheduling attributes, its CPUs.

use std::io;
use std::os::raw::c_int;

use crate::backends::sys::error::os_error;
use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};

/// What a system can do for a new thread.
pub(crate) struct Threads {
    /// Whether `pthread_attr_init` and the like can be called.
    pub(crate) has_attributes: bool,
    /// How many bytes of a thread's stack the C library takes for static thread-local storage.
    pub(crate) static_storage: fn(&libc::pthread_attr_t) -> usize,
    /// Returns an error if no thread can have these options here, with whatever privilege.
    pub(crate) check: fn(&ThreadOptions) -> io::Result<()>,
    /// Puts policy, priority and, if possible, CPUs into the attributes of a new thread.
    pub(crate) set_scheduling: fn(&mut libc::pthread_attr_t, &ThreadOptions) -> io::Result<()>,
    /// Calls `create`, which calls `pthread_create` and returns its error number, in a state of the
    /// calling thread in which the call can succeed, and in which the new thread inherits the CPUs
    /// of the options, unless they are among the attributes.
    pub(crate) prepare: fn(&ThreadOptions, create: &mut dyn FnMut() -> c_int) -> c_int,
    /// Gives a new thread, of which nothing is known but that the calling thread created it, the
    /// CPUs of the main thread.
    pub(crate) adopt_cpus: fn(libc::pthread_t),
    /// Gives the calling thread the nice value of the main thread.
    pub(crate) adopt_nice_value: fn(),
}

/// A new thread inherits all of it.
pub(crate) const INHERITED: Threads = Threads {
    has_attributes: true,
    static_storage: |_| 0,
    check: |options| match (options.chosen_policy(), options.chosen_cpus()) {
        (ThreadPolicy::Other, None) => Ok(()),
        _ => Err(os_error(libc::EOPNOTSUPP)),
    },
    set_scheduling: |_, _| Ok(()),
    prepare: |_, create| create(),
    adopt_cpus: |_| {},
    adopt_nice_value: || {},
};
