//! The system calls that `docs/sandboxes.md` lists, compared with those that the library makes.

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix)))]
mod compare;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix)))]
mod filter;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix)))]
mod marks;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix)))]
mod operations;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix)))]
mod page;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix)))]
mod trace;

/// The page lists the calls of one system.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix))))]
mod compare {
    pub fn main() -> std::process::ExitCode {
        std::process::ExitCode::SUCCESS
    }
}

fn main() -> std::process::ExitCode {
    compare::main()
}
