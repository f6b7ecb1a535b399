//! Tests that need a machine of their own: steps of the real wall clock, suspends, the limits of a
//! whole system. Every case runs on every backend. Where both promise the same, the kernel's timers
//! are the reference.
//!
//! `ci/vm` boots a virtual machine in which this is the only program. On any other machine all
//! cases show as ignored, and even `--ignored` does not run them. Only the cases on the simulated
//! backend run everywhere, because it has a simulated machine.

#[path = "../common/cases.rs"]
mod cases;

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod adjust;
        mod aligned;
        mod cancel;
        #[path = "../common/mod.rs"]
        mod common;
        mod follow;
        mod guest;
        mod limits;
        mod machine;
        mod blocked;
        #[path = "../common/test_backend.rs"]
        mod test_backend;
        mod suspended;
        mod support;
        mod suspend;
        mod rollback;
        mod trials;

        use test_backend::Case;

        fn main() -> std::process::ExitCode {
            if guest::is_init() {
                guest::run_and_power_off();
            }
            trials::run()
        }
    } else {
        #[path = "../common/not_here.rs"]
        mod not_here;

        fn main() -> std::process::ExitCode {
            not_here::ignore_all("ci/vm boots Linux only")
        }
    }
}
