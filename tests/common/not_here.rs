//! Stands for a suite that this system cannot run: one test, which shows as ignored with the
//! reason.

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

pub fn ignore_all(reason: &'static str) -> ExitCode {
    let refuse = || Err("this system cannot run the suite".into());
    let trial = Trial::test("all", refuse).with_kind(reason).with_ignored_flag(true);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}
