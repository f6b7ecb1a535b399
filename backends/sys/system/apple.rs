//! macOS, iOS and the other Apple platforms.

use std::io;
use std::os::fd::AsRawFd;
use std::ptr::addr_of_mut;

use super::explicit::explicit;
use super::platform::{System, POSIX};
use super::threads::Threads;
use crate::backends::sys::error::{check, os_error};
use crate::backends::sys::thread_options::{ThreadOptions, ThreadPolicy};

pub(crate) const SYSTEM: System = System {
    // `CLOCK_MONOTONIC` advances during a suspend, and has a resolution of a microsecond.
    // `CLOCK_UPTIME_RAW` counts the same ticks as `CLOCK_MONOTONIC_RAW`.
    monotonic: libc::CLOCK_UPTIME_RAW,
    // `CLOCK_MONOTONIC` is the wall clock minus the time of the boot, so slewing moves it.
    monotonic_is_that_of_c: false,
    monotonic_counts_suspend: Some(false),
    boottime: Some(libc::CLOCK_MONOTONIC_RAW),
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    // A longer pause saves energy. Apple platforms count each wake-up against the app.
    refresh_pause: 10_000_000,
    pipes_may_be_bidirectional: false,
    set_no_sigpipe: |fd| {
        // The value of `fcntl.h`. Only recent versions of the `libc` crate have it.
        const F_SETNOSIGPIPE: libc::c_int = 73;
        // SAFETY: setting a flag touches no memory.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), F_SETNOSIGPIPE, 1) }).map(drop)
    },
    descriptor_directory: Some(b"/dev/fd\0"),
    is_set_user_id: || {
        // SAFETY: the call touches no memory.
        unsafe { libc::issetugid() != 0 }
    },
    name_thread: |name| {
        // SAFETY: the name ends with a zero. If the call fails, the thread keeps its name.
        unsafe { libc::pthread_setname_np(name.as_ptr()) };
    },
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    threads: Threads { check: check_options, sleep_exactly_at_a_cost: make_real_time, ..explicit::<2>() },
    ..POSIX
};

/// A thread with exact sleeps has the real-time policy, so it cannot have another one.
fn check_options(options: &ThreadOptions) -> io::Result<()> {
    match options.chosen_policy() {
        ThreadPolicy::Fifo(_) | ThreadPolicy::RoundRobin(_) if options.has_exact_sleep() => {
            Err(os_error(libc::EOPNOTSUPP))
        }
        _ => (explicit::<2>().check)(options),
    }
}

// The declarations of `mach/mach_time.h`. The `libc` crate has deprecated its own.
#[repr(C)]
#[derive(Default)]
struct TimebaseInfo {
    numer: u32,
    denom: u32,
}

extern "C" {
    fn mach_timebase_info(info: *mut TimebaseInfo) -> libc::kern_return_t;
}

/// Gives a thread Mach's real-time policy. If the kernel refuses it, the thread keeps its own.
///
/// The kernel delays the sleeps of all other threads (`timer_compute_leeway`). Latency tier 0 and a
/// fixed priority give the delay of an ordinary thread, 1 ms, and the kernel prefers a longer delay
/// of the process. A quality-of-service class is impossible: `pthread_set_qos_class_self_np`
/// returns `EPERM` in a thread that was created with a policy or a priority.
fn make_real_time(thread: libc::pthread_t) {
    // After a wake-up, the thread computes for less than this. The kernel requires that the
    // constraint is not shorter, and raises a computation that is less than half of it.
    const COMPUTATION_NANOS: u64 = 1_000_000;
    const CONSTRAINT_NANOS: u64 = 2_000_000;
    let mut base = TimebaseInfo::default();
    // SAFETY: `base` is valid for writes.
    unsafe { mach_timebase_info(&mut base) };
    let ticks = |nanos: u64| (nanos * u64::from(base.denom) / u64::from(base.numer.max(1))) as u32;
    let mut policy = libc::thread_time_constraint_policy_data_t {
        // The expirations have no common period.
        period: 0,
        computation: ticks(COMPUTATION_NANOS),
        constraint: ticks(CONSTRAINT_NANOS),
        preemptible: 1,
    };
    // SAFETY: `thread` is neither joined nor detached yet, so its identity is valid. `policy` is
    // valid for reads of its size, which the last argument is, in integers.
    unsafe {
        libc::thread_policy_set(
            libc::pthread_mach_thread_np(thread),
            libc::THREAD_TIME_CONSTRAINT_POLICY as libc::thread_policy_flavor_t,
            addr_of_mut!(policy).cast(),
            libc::THREAD_TIME_CONSTRAINT_POLICY_COUNT,
        );
    }
}
