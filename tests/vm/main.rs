//! What only a machine of its own can show: steps of the real wall clock, suspends, the limits of a whole system. Every case
//! runs on every backend, and where both promise the same, the kernel's timers are the measure of it.
//!
//! `ci/vm` boots a virtual machine in which this is the only program. Anywhere else all cases show as ignored, and not even
//! `--ignored` runs them; but for those on the simulated backend, which has a machine of its own to step and to suspend.

#[path = "../common/cases.rs"]
mod cases;

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod adjust;
        mod cancel;
        #[path = "../common/mod.rs"]
        mod common;
        mod follow;
        mod guest;
        mod limits;
        mod machine;
        mod notice;
        #[path = "../common/test_backend.rs"]
        mod test_backend;
        mod slumber;
        mod support;
        mod suspend;
        mod taken_back;
        mod trials;

        use test_backend::Case;

        fn main() -> std::process::ExitCode {
            if guest::is_init() {
                guest::run_and_power_off();
            }
            trials::run()
        }
    } else {
        /// `ci/vm` boots a Linux.
        fn main() {}
    }
}
