//! The library after a failed system call: no panic, no endless wait, no lost descriptor, no wrong
//! count. strace makes the calls fail; each case attaches it to itself.

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
    let ignored = !can_trace.is_ok_and(|output| output.status.success());
    own_process::run(&THEMES.concat(), ignored, end_what_waits_for_ever, |output| {
        // The error output must be empty, because a panic of another thread appears only there.
        output.status.success() && output.stderr.is_empty()
    })
}

/// Ends a case that waits for ever, by a signal.
fn end_what_waits_for_ever() {
    #[cfg(target_os = "linux")]
    nix::unistd::alarm::set(60);
}
