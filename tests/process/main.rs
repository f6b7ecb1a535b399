//! The process around the userspace backend: its thread, its descriptors, forks, limits.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod descriptors;
mod ends;
mod forks;
#[cfg(target_os = "linux")]
mod refusals;
mod signals;
mod thread;

use common::userspace_builder;
use libtest_mimic::{Arguments, Trial};
use portable_timerfd::{backends, Clock, TimerFd};
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

/// What is to be shown, in a process of its own since it looks at, or changes, the whole process.
type Case = (&'static str, fn());

/// Lists of cases, each named as its function, by what they look at: the `userspace` backend, or `every` one.
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

/// A timer of each backend that this system has.
pub fn on_every_backend(nonblocking: bool) -> impl Iterator<Item = TimerFd> {
    let builder = TimerFd::builder(Clock::Monotonic).nonblocking(nonblocking);
    backends::ALL.iter().filter_map(move |backend| match builder.backend(backend).open() {
        Err(e) if e.kind() == ErrorKind::Unsupported => None,
        timer => Some(timer.unwrap()),
    })
}

#[cfg(not(target_os = "linux"))]
mod refusals {
    pub const CASES: &[crate::Case] = &[];
}

const THEMES: [&[Case]; 7] =
    [crowd::CASES, descriptors::CASES, ends::CASES, forks::CASES, refusals::CASES, signals::CASES, thread::CASES];

/// Runs this program anew, for one case only.
fn in_a_process_of_its_own(case: &str) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).env("PROCESS_CASE", case).output().unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
}

fn main() -> ExitCode {
    let cases = || THEMES.into_iter().flatten();
    if let Ok(asked) = std::env::var("PROCESS_CASE") {
        cases().find(|(name, _)| *name == asked).unwrap().1();
        return ExitCode::SUCCESS;
    }
    // The cases look at themselves by way of Linux's /proc.
    let blind = !std::path::Path::new("/proc/self/task").exists();
    let trial = |&(name, _): &Case| {
        let run = move || {
            in_a_process_of_its_own(name);
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(blind)
    };
    libtest_mimic::run(&Arguments::from_args(), cases().map(trial).collect()).exit_code()
}
