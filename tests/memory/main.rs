//! The timer thread never calls the allocator. If it made a single call, glibc would give it an
//! arena: 64 MiB of address space, which `mlockall(MCL_FUTURE)` locks.

#[path = "../common/cases.rs"]
mod cases;
#[path = "../common/own_process.rs"]
mod own_process;

use own_process::Case;
use std::process::ExitCode;

cfg_if::cfg_if! {
    if #[cfg(all(target_os = "linux", target_env = "gnu"))] {
        mod calls;
        #[path = "../common/mod.rs"]
        mod common;
        mod thread;

        const CASES: &[Case] = thread::CASES;
    } else {
        const CASES: &[Case] = &[];
    }
}

fn main() -> ExitCode {
    own_process::run(CASES, false, || (), |output| output.status.success())
}
