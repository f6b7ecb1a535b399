//! Cases that look at, or change, the whole process: the program runs itself anew for each.

#[path = "mode.rs"]
mod mode;

use libtest_mimic::{Arguments, Trial};
use std::process::{Command, ExitCode, Output};

/// What is to be shown, in a process of its own.
pub type Case = (&'static str, fn());

/// Names the case to the process that it is run in.
const ASKED: &str = "OWN_PROCESS_CASE";

/// Part of the names of the cases that show as ignored unless root runs them.
const FOR_ROOT: &str = "::as_root::";

/// Runs the cases, or shows them as ignored where the program is `blind`. A process first does what is to be done in each; `is_fine`
/// says of one that has ended whether it did so well.
pub fn run(cases: &[Case], blind: bool, in_each: fn(), is_fine: fn(&Output) -> bool) -> ExitCode {
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
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(is_fine(&output), "{name}: {}: {told}", output.status);
            Ok(())
        };
        let needs_another_user = name.contains(FOR_ROOT) && !nix::unistd::geteuid().is_root();
        Trial::test(name, run).with_ignored_flag(blind || needs_another_user)
    };
    libtest_mimic::run(&Arguments::from_args(), cases.iter().map(trial).collect()).exit_code()
}
