//! The library after a failed system call: no panic, no endless wait, no lost descriptor, no wrong
//! count. strace makes the calls fail; each case attaches it to itself.

#[path = "../common/cases.rs"]
mod cases;

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        #[path = "../common/mod.rs"]
        mod common;
        mod inject;
        mod made;
        #[path = "../common/own_process.rs"]
        mod own_process;
        mod used;

        use own_process::Case;
        use std::process::{Command, ExitCode};

        fn main() -> ExitCode {
            let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
            let ignored = !can_trace.is_ok_and(|output| output.status.success());
            let cases = [made::CASES, used::CASES].concat();
            own_process::run(&cases, |_| ignored, end_what_waits_for_ever, |output| {
                // The error output must be empty, because a panic of another thread appears only
                // there.
                output.status.success() && output.stderr.is_empty()
            })
        }

        /// Ends a case that waits for ever, by a signal.
        fn end_what_waits_for_ever() {
            nix::unistd::alarm::set(60);
        }
    } else {
        #[path = "../common/not_here.rs"]
        mod not_here;

        fn main() -> std::process::ExitCode {
            not_here::ignore_all("strace makes calls fail on Linux only")
        }
    }
}
