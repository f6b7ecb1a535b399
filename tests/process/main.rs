//! The process around the userspace backend: its thread, its descriptors, forks, limits.

mod backend;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod descriptors;
mod ends;
mod fd_only;
mod fd_only_isolation;
mod fork_handlers;
mod forks;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod linux;
mod modes;
mod numbers;
mod options;
#[path = "../common/own_process.rs"]
mod own_process;
#[path = "../common/poller_behaviour.rs"]
mod poller_behaviour;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod refusals;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod sandboxes;
mod signals;
mod thread;
#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
mod thread_options;
#[path = "../common/timer_thread.rs"]
mod timer_thread;
#[path = "../common/usage.rs"]
mod usage;

use common::{backends_here, userspace_builder};
use own_process::Case;
use portable_timerfd::{Clock, TimerFd};
use std::process::ExitCode;

/// Makes lists of cases, each with the name of its function. A list tests the `userspace` backend,
/// or `every` backend.
#[macro_export]
macro_rules! cases {
    ($($backend:ident: $($case:ident),*;)*) => {
        pub const CASES: &[$crate::Case] = &[$($((concat!(stringify!($backend), "::", stringify!($case)), $case)),*),*];
    };
}

pub fn userspace_on(clock: Clock) -> TimerFd {
    userspace_builder(clock).open().unwrap()
}

pub fn userspace() -> TimerFd {
    userspace_on(Clock::Monotonic)
}

/// Opens a timer on each backend of this system.
pub fn on_every_backend(nonblocking: bool) -> impl Iterator<Item = TimerFd> {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(nonblocking);
    backends_here().map(move |backend| builder.backend(backend).open().unwrap())
}

/// Cases that show as ignored where the modules for Linux do not exist.
#[cfg(not(all(target_os = "linux", not(portable_timerfd_test_posix))))]
mod linux_only {
    fn not_here() {
        unreachable!("this case is ignored");
    }

    pub const CASES: &[crate::Case] = &[
        // No other system lets a process refuse its own system calls.
        ("every::linux_only::refusals", not_here),
        ("every::linux_only::sandboxes", not_here),
        // Other systems have no common calls that report the attributes of another thread.
        ("userspace::linux_only::thread_options", not_here),
        ("userspace::linux_only::linux", not_here),
    ];
}

#[cfg(all(target_os = "linux", not(portable_timerfd_test_posix)))]
const LINUX_ONLY: &[&[Case]] = &[
    linux::CASES,
    numbers::WITH_MARKS,
    refusals::CASES,
    sandboxes::CASES,
    thread_options::CASES,
    thread_options::AS_ROOT,
];
#[cfg(not(all(target_os = "linux", not(portable_timerfd_test_posix))))]
const LINUX_ONLY: &[&[Case]] = &[linux_only::CASES, numbers::WITH_MARKS];

const THEMES: &[&[Case]] = &[
    backend::CASES,
    crowd::CASES,
    descriptors::CASES,
    ends::CASES,
    forks::CASES,
    fork_handlers::CASES,
    modes::CASES,
    numbers::CASES,
    fd_only::CASES,
    fd_only_isolation::CASES,
    options::CASES,
    signals::CASES,
    thread::CASES,
];

/// The cases that find the timer thread by a signal, or count the sleeps of all threads.
const OBSERVE_THE_THREAD: [&str; 12] = [
    "a_disarmed_timer_starts_no_thread",
    "a_thread_that_is_started_early_stays_without_timers",
    "an_earlier_time_on_any_clock_wakes_the_thread",
    "closing_every_number_loses_only_the_timer",
    "rearming_wakes_the_thread_only_for_the_earliest_time",
    "short_lived_timers_share_a_thread",
    "the_last_close_ends_the_timer_without_another_call",
    "the_thread_blocks_the_signals_that_proc_shows",
    "the_thread_ends_after_the_last_timer_and_a_later_timer_starts_another",
    "the_thread_sleeps_while_nothing_is_due",
    "the_thread_takes_no_signal_except_those_of_a_sandbox",
    "thousands_of_dropped_timers_leave_the_thread_nothing_to_do",
];

/// Whether a case shows as ignored on this system.
fn is_ignored(name: &str) -> bool {
    if !timer_thread::can_be_found() && OBSERVE_THE_THREAD.iter().any(|case| name.ends_with(case)) {
        return true;
    }
    // NetBSD ends a read whose descriptor is closed with `EBADF`.
    let is_refused = cfg!(target_os = "netbsd") && name.ends_with("::a_blocked_read_outlives_the_descriptor");
    let lacks = |cases: &[Case]| !IS_LINUX && cases.iter().any(|case| case.0 == name);
    is_refused || LINUX_ONLY.iter().any(|cases| lacks(cases))
}

/// Whether the suite runs on Linux with the code for Linux.
const IS_LINUX: bool = cfg!(all(target_os = "linux", not(portable_timerfd_test_posix)));

fn main() -> ExitCode {
    let cases = [THEMES.concat(), LINUX_ONLY.concat()].concat();
    own_process::run(&cases, is_ignored, || (), |output| output.status.success())
}
