//! What the library does when a system call fails: no panic, no wait for ever, no descriptor lost, no count wrong. The calls
//! are made to fail by strace, which each case attaches to itself.

#[cfg(target_os = "linux")]
#[path = "../common/cases.rs"]
mod cases;
#[cfg(target_os = "linux")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod inject;
#[cfg(target_os = "linux")]
mod made;
#[path = "../common/own_process.rs"]
mod own_process;
#[cfg(target_os = "linux")]
mod used;

use own_process::Case;
use std::process::{Command, ExitCode};

#[cfg(target_os = "linux")]
const THEMES: [&[Case]; 2] = [made::CASES, used::CASES];
#[cfg(not(target_os = "linux"))]
const THEMES: [&[Case]; 0] = [];

fn main() -> ExitCode {
    let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let blind = !can_trace.is_ok_and(|output| output.status.success());
    own_process::run(&THEMES.concat(), blind, end_what_waits_for_ever, |output| {
        // And be silent: a panic of another thread is told of there only.
        output.status.success() && output.stderr.is_empty()
    })
}

/// By the signal.
fn end_what_waits_for_ever() {
    #[cfg(target_os = "linux")]
    nix::unistd::alarm::set(60);
}
