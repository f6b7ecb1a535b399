//! Threads with explicit policy and priority, on systems where CPUs are no attribute that this
//! library knows.

use std::io;
use std::os::raw::c_int;

use super::scheduling;
use super::threads::{Threads, INHERITED};
use crate::backends::sys::error::os_error;
use crate::backends::sys::thread_options::ThreadOptions;

/// `EXPLICIT` is the system's number for `PTHREAD_EXPLICIT_SCHED`.
pub(crate) const fn explicit<const EXPLICIT: c_int>() -> Threads {
    Threads { check, set_scheduling: scheduling::set::<EXPLICIT>, ..INHERITED }
}

fn check(options: &ThreadOptions) -> io::Result<()> {
    match options.chosen_cpus() {
        None => scheduling::check_priority(options),
        Some(_) => Err(os_error(libc::EOPNOTSUPP)),
    }
}
