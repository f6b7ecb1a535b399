//! Cases that inspect or change the whole process: the program executes itself again for each case.

#[path = "mode.rs"]
mod mode;

use libtest_mimic::{Arguments, Trial};
use std::process::{Command, ExitCode, Output};

/// A case: its name, and the function that runs in a process of its own.
pub type Case = (&'static str, fn());

/// The environment variable with the name of the case to run.
const ASKED: &str = "OWN_PROCESS_CASE";

/// A part of the names of cases that show as ignored unless root runs them.
const FOR_ROOT: &str = "::as_root::";

/// Runs the cases. Those that `ignores` names show as ignored. Each process first calls `in_each`.
/// `is_fine` decides from the output of a process whether its case has passed.
pub fn run(cases: &[Case], ignores: impl Fn(&str) -> bool, in_each: fn(), is_fine: fn(&Output) -> bool) -> ExitCode {
    mode::take_from_env();
    if let Ok(asked) = std::env::var(ASKED) {
        in_each();
        cases.iter().find(|(name, _)| *name == asked).unwrap().1();
        return ExitCode::SUCCESS;
    }
    let trial = |&(name, _): &Case| {
        let run = move || {
            let program = std::env::current_exe().unwrap();
            let output = Command::new(program).env(ASKED, name).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(is_fine(&output), "{name}: {}: {stderr}", output.status);
            Ok(())
        };
        let needs_another_user = name.contains(FOR_ROOT) && !nix::unistd::geteuid().is_root();
        Trial::test(name, run).with_ignored_flag(ignores(name) || needs_another_user)
    };
    libtest_mimic::run(&Arguments::from_args(), cases.iter().map(trial).collect()).exit_code()
}
