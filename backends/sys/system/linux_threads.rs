//! Threads on Linux, for all its C libraries except Android's.
//!
//! A sandbox may end the process if it makes a call that changes an attribute (systemd's
//! `~@resources`). So each such call is made only if the attribute has to change.

use std::io;
use std::mem::size_of;
use std::os::raw::{c_int, c_long, c_ulong};

use super::scheduling;
use super::threads::{Threads, INHERITED};
use crate::backends::sys::error::check;
use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy, MOST_CPUS};

/// `PTHREAD_EXPLICIT_SCHED`.
const EXPLICIT: c_int = 1;

pub(crate) const THREADS: Threads = Threads {
    check: scheduling::check_priority,
    set_scheduling,
    prepare: |_, create| retry_from_deadline(create),
    adopt_cpus,
    adopt_nice_value,
    ..INHERITED
};

pub(crate) fn set_scheduling(attributes: &mut libc::pthread_attr_t, options: &ThreadOptions) -> io::Result<()> {
    // musl does not implement the function with this name, so this makes the system call itself.
    // SAFETY: the call takes a number and touches no memory.
    let policy = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0 as c_long) };
    if options.chosen_policy() == ThreadPolicy::Other && policy == c_long::from(libc::SCHED_OTHER) {
        return Ok(());
    }
    scheduling::set::<EXPLICIT>(attributes, options)
}

/// A set of CPUs in the representation of the kernel.
#[derive(PartialEq)]
pub(crate) struct Cpus([c_ulong; MOST_CPUS / c_ulong::BITS as usize]);

impl Cpus {
    const NONE: Cpus = Cpus([0; MOST_CPUS / c_ulong::BITS as usize]);

    pub(crate) fn from_list(list: &[usize]) -> Cpus {
        let mut cpus = Cpus::NONE;
        for &cpu in list {
            let word = cpus.0.get_mut(cpu / c_ulong::BITS as usize);
            word.into_iter().for_each(|word| *word |= 1 << (cpu % c_ulong::BITS as usize));
        }
        cpus
    }

    /// Returns the CPUs of the thread with this number, or of the calling thread if it is 0.
    /// Returns an error if the system has more CPUs than fit in the set.
    pub(crate) fn of(thread: libc::pid_t) -> io::Result<Cpus> {
        let mut cpus = Cpus::NONE;
        // SAFETY: `cpus` is valid for writes of its size.
        check(unsafe {
            libc::syscall(libc::SYS_sched_getaffinity, c_long::from(thread), size_of::<Cpus>(), cpus.0.as_mut_ptr())
        })?;
        Ok(cpus)
    }

    /// Returns the size and the address of the set, as the C library takes them.
    pub(crate) fn as_set(&self) -> (usize, *const libc::cpu_set_t) {
        (size_of::<Cpus>(), self.0.as_ptr().cast())
    }
}

fn main_thread() -> libc::pid_t {
    // The number of the main thread is the number of the process.
    // SAFETY: the call touches no memory and always succeeds.
    unsafe { libc::getpid() }
}

/// Gives the CPUs of the main thread to the new thread.
///
/// The creating thread does this. The new thread may start on a CPU that a real-time thread
/// occupies all the time, and would then never run to do it itself.
fn adopt_cpus(thread: libc::pthread_t) {
    let (Ok(wanted), Ok(inherited)) = (Cpus::of(main_thread()), Cpus::of(0)) else { return };
    if wanted != inherited {
        let (size, set) = wanted.as_set();
        // SAFETY: `thread` is not detached yet, so its identity is valid, and `set` is valid for
        // reads of `size`. If the call fails, the thread keeps the CPUs that it inherited.
        unsafe { libc::pthread_setaffinity_np(thread, size, set) };
    }
}

/// Sets the nice value of the calling thread to that of the main thread.
///
/// The new thread does this itself, because no other thread knows its number. Without privilege, a
/// nice value can only increase.
fn adopt_nice_value() {
    let nice = |thread: libc::pid_t| {
        // SAFETY: the call takes numbers and touches no memory. It returns 20 minus the nice value.
        let returned = unsafe {
            libc::syscall(libc::SYS_getpriority, c_long::from(libc::PRIO_PROCESS as c_int), c_long::from(thread))
        };
        (returned > 0).then_some(20 - returned)
    };
    if let (Some(wanted), Some(inherited)) = (nice(main_thread()), nice(0)) {
        if wanted != inherited {
            // SAFETY: the call takes numbers and touches no memory. If it fails, the thread keeps
            // the value that it inherited.
            unsafe {
                libc::syscall(libc::SYS_setpriority, c_long::from(libc::PRIO_PROCESS as c_int), 0 as c_long, wanted)
            };
        }
    }
}

/// Calls `create`, and calls it again in another state if the calling thread has `SCHED_DEADLINE`.
///
/// Such a thread cannot create threads that inherit its policy (`EAGAIN`). In this case, `create`
/// is called again with reset-on-fork set, so that the new thread does not inherit the policy.
pub(crate) fn retry_from_deadline(create: &mut dyn FnMut() -> c_int) -> c_int {
    let first = create();
    if first != libc::EAGAIN {
        return first;
    }
    match ResetOnFork::begin() {
        Some(_until_created) => create(),
        None => first,
    }
}

/// The first version of the kernel's `struct sched_attr`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct SchedulingAttributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

impl SchedulingAttributes {
    fn of_this_thread() -> io::Result<SchedulingAttributes> {
        let mut attributes = SchedulingAttributes::default();
        let size = size_of::<SchedulingAttributes>();
        // SAFETY: `attributes` is valid for writes of `size` bytes.
        check(unsafe { libc::syscall(libc::SYS_sched_getattr, 0 as c_long, &mut attributes, size, 0 as c_long) })?;
        Ok(attributes)
    }

    fn set(&self) -> io::Result<()> {
        let attributes = SchedulingAttributes { size: size_of::<SchedulingAttributes>() as u32, ..*self };
        // SAFETY: `attributes` is valid for reads of the size in its `size` field.
        check(unsafe { libc::syscall(libc::SYS_sched_setattr, 0 as c_long, &attributes, 0 as c_long) }).map(drop)
    }
}

/// While this exists, the threads that the calling `SCHED_DEADLINE` thread creates have the
/// ordinary policy.
struct ResetOnFork {
    before: SchedulingAttributes,
}

impl ResetOnFork {
    /// Sets reset-on-fork. Returns `None` if the calling thread has another policy, or may not
    /// change its attributes.
    fn begin() -> Option<ResetOnFork> {
        const SCHED_DEADLINE: u32 = 6;
        const SCHED_FLAG_RESET_ON_FORK: u64 = 1;
        let before = SchedulingAttributes::of_this_thread().ok().filter(|before| before.policy == SCHED_DEADLINE)?;
        let flags = before.flags | SCHED_FLAG_RESET_ON_FORK;
        SchedulingAttributes { flags, ..before }.set().ok()?;
        Some(ResetOnFork { before })
    }
}

impl Drop for ResetOnFork {
    fn drop(&mut self) {
        // Clearing the flag needs the same privilege as setting it, so this succeeds.
        let _ = self.before.set();
    }
}
