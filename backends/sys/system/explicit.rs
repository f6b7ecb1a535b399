//! Threads with an explicit policy and priority, on platforms where this library cannot set CPUs.

use std::io;
use std::os::raw::c_int;

use super::scheduling;
use super::threads::{Threads, INHERITED};
use crate::backends::sys::error::os_error;
use crate::backends::sys::thread_options::ThreadOptions;

/// Returns the thread functions. `EXPLICIT` is the platform's value of `PTHREAD_EXPLICIT_SCHED`.
pub(crate) const fn explicit<const EXPLICIT: c_int>() -> Threads {
    Threads { check, set_scheduling: scheduling::set::<EXPLICIT>, ..INHERITED }
}

fn check(options: &ThreadOptions) -> io::Result<()> {
    match options.chosen_cpus() {
        None => scheduling::check_priority(options),
        Some(_) => Err(os_error(libc::EOPNOTSUPP)),
    }
}
