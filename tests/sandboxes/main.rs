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

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix))))]
#[path = "../common/not_here.rs"]
mod not_here;

/// Takes the place of the module above.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(portable_timerfd_test_posix))))]
mod compare {
    use crate::not_here;

    pub fn main() -> std::process::ExitCode {
        not_here::ignore_all("the page lists the calls of x86-64 Linux with glibc")
    }
}

fn main() -> std::process::ExitCode {
    compare::main()
}
