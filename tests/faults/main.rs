//! What the library does when a system call fails: no panic, no wait for ever, no descriptor lost, no count wrong. The calls
//! are made to fail by strace, which each case attaches to itself.

#[cfg(target_os = "linux")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod inject;
#[cfg(target_os = "linux")]
mod made;
#[cfg(target_os = "linux")]
mod used;

use libtest_mimic::{Arguments, Trial};
use std::process::{Command, ExitCode};

/// What is to be shown, in a process of its own.
type Case = (&'static str, fn());

/// A list of cases, each named as its function.
#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub const CASES: &[$crate::Case] = &[$((stringify!($case), $case)),*];
    };
}

#[cfg(target_os = "linux")]
const THEMES: [&[Case]; 2] = [made::CASES, used::CASES];
#[cfg(not(target_os = "linux"))]
const THEMES: [&[Case]; 0] = [];

/// Runs this program anew, for one case only. It must end well, and be silent: a panic of another thread is told of there only.
fn in_a_process_of_its_own(case: &str) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).env("FAULTS_CASE", case).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{case}: {}: {told}", output.status);
}

fn main() -> ExitCode {
    let cases = || THEMES.into_iter().flatten();
    if let Ok(asked) = std::env::var("FAULTS_CASE") {
        // What waits for ever is ended by the signal.
        #[cfg(target_os = "linux")]
        nix::unistd::alarm::set(60);
        cases().find(|(name, _)| *name == asked).unwrap().1();
        return ExitCode::SUCCESS;
    }
    let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let blind = !can_trace.is_ok_and(|output| output.status.success());
    let trial = |&(name, _): &Case| {
        let run = move || {
            in_a_process_of_its_own(name);
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(blind)
    };
    libtest_mimic::run(&Arguments::from_args(), cases().map(trial).collect()).exit_code()
}
