//! The differences between platforms in creating threads: stack, scheduling attributes and CPUs.

use std::io;
use std::os::raw::c_int;

use crate::backends::sys::error::os_error;
use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};

/// The functions with which a platform creates and configures a thread.
pub(crate) struct Threads {
    /// Whether `pthread_attr_init` and the related functions can be called.
    pub(crate) has_attributes: bool,
    /// Returns how many bytes of a thread's stack the C library uses for static thread-local
    /// storage.
    pub(crate) static_storage: fn(&libc::pthread_attr_t) -> usize,
    /// Returns an error if no thread can have these options on this platform, with any privilege.
    pub(crate) check: fn(&ThreadOptions) -> io::Result<()>,
    /// Sets the policy, the priority and, if possible, the CPUs in the attributes of a new thread.
    pub(crate) set_scheduling: fn(&mut libc::pthread_attr_t, &ThreadOptions) -> io::Result<()>,
    /// Calls `create`, which calls `pthread_create`, and returns its error number.
    ///
    /// For the duration of the call, changes the calling thread so that the call can succeed. If
    /// CPUs are no attribute, this also lets the new thread inherit the CPUs of the options.
    pub(crate) prepare: fn(&ThreadOptions, create: &mut dyn FnMut() -> c_int) -> c_int,
    /// Gives the CPUs of the main thread to a thread that the calling thread has just created.
    pub(crate) adopt_cpus: fn(libc::pthread_t),
    /// Gives the calling thread the nice value of the main thread.
    pub(crate) adopt_nice_value: fn(),
    /// Asks the system for exact sleeps of a thread that the calling thread has just created, even
    /// if they cost energy. `System::sleep_exactly` makes the requests that cost none.
    pub(crate) sleep_exactly_at_a_cost: fn(libc::pthread_t),
}

/// The functions of a platform where a new thread inherits all attributes from its creator.
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
    sleep_exactly_at_a_cost: |_| {},
};
