//! The timer thread never calls the allocator. If it made a single call, glibc would give it an
//! arena: 64 MiB of address space, which `mlockall(MCL_FUTURE)` locks.

#[path = "../common/cases.rs"]
mod cases;

cfg_if::cfg_if! {
    if #[cfg(all(target_os = "linux", target_env = "gnu"))] {
        mod calls;
        #[path = "../common/mod.rs"]
        mod common;
        #[path = "../common/own_process.rs"]
        mod own_process;
        mod thread;

        use own_process::Case;

        fn main() -> std::process::ExitCode {
            own_process::run(thread::CASES, |_| false, || (), |output| output.status.success())
        }
    } else {
        #[path = "../common/not_here.rs"]
        mod not_here;

        fn main() -> std::process::ExitCode {
            not_here::ignore_all("only glibc has arenas")
        }
    }
}
