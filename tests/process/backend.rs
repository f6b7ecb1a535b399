//! The backend of the process: set once by the program, or by the environment.

use super::common::{backends_here, errno};
use nix::libc;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, getuid, ForkResult, Uid};
use portable_timerfd::{backends, Accuracy, Backend, Clock, TimerFd};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const VARIABLE: &str = "PORTABLE_TIMERFD_BACKEND";

pub const CASES: &[crate::Case] = &[
    ("every::the_environment_names_the_backend_once", the_environment_names_the_backend_once),
    (
        "every::an_unknown_backend_in_the_environment_is_an_error_that_names_the_variable",
        an_unknown_backend_in_the_environment_is_an_error_that_names_the_variable,
    ),
    ("every::a_chosen_backend_takes_precedence", a_chosen_backend_takes_precedence),
    ("every::the_backend_of_the_process_is_set_once", the_backend_of_the_process_is_set_once),
    ("every::no_option_of_the_process_is_set_after_a_timer", no_option_of_the_process_is_set_after_a_timer),
    ("every::capabilities_do_not_fix_the_backend", capabilities_do_not_fix_the_backend),
    ("every::a_forked_child_keeps_the_backend", a_forked_child_keeps_the_backend),
    ("every::a_chosen_backend_reads_no_environment", a_chosen_backend_reads_no_environment),
    ("every::as_root::a_set_user_id_program_ignores_the_environment", a_set_user_id_program_ignores_the_environment),
];

fn opened() -> Backend {
    TimerFd::new(Clock::Monotonic).unwrap().backend()
}

fn assert_names_the_variable(error: &io::Error) {
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains(VARIABLE), "{error}");
}

fn the_environment_names_the_backend_once() {
    std::env::set_var(VARIABLE, "userspace");
    assert_eq!(opened(), backends::userspace::BACKEND);
    for later in ["kernel", "nonesuch"] {
        std::env::set_var(VARIABLE, later);
        assert_eq!(opened(), backends::userspace::BACKEND);
    }
}

fn an_unknown_backend_in_the_environment_is_an_error_that_names_the_variable() {
    std::env::set_var(VARIABLE, "nonesuch");
    for _ in 0..2 {
        assert_names_the_variable(&TimerFd::new(Clock::Monotonic).unwrap_err());
        assert_names_the_variable(&TimerFd::builder(Clock::Monotonic).capabilities().unwrap_err());
    }
    for backend in backends_here() {
        let timer = TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap();
        assert_eq!(timer.backend(), backend);
    }
}

fn a_chosen_backend_takes_precedence() {
    std::env::set_var(VARIABLE, "nonesuch");
    backends::userspace::BACKEND.set_for_process().unwrap();
    assert_eq!(opened(), backends::userspace::BACKEND);
    for backend in backends_here() {
        let timer = TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap();
        assert_eq!(timer.backend(), backend);
    }
}

fn the_backend_of_the_process_is_set_once() {
    backends::userspace::BACKEND.set_for_process().unwrap();
    for backend in backends::ALL {
        assert_eq!(errno(backend.set_for_process()), Some(libc::EBUSY));
    }
    assert_eq!(opened(), backends::userspace::BACKEND);
}

/// Creates a timer with an explicit backend, which also fixes the options.
fn no_option_of_the_process_is_set_after_a_timer() {
    let (backend, accuracy) = (backends_here().next().unwrap(), Accuracy::of_process());
    drop(TimerFd::builder(Clock::Monotonic).backend(backend).open().unwrap());
    assert_eq!(errno(backends::userspace::BACKEND.set_for_process()), Some(libc::EBUSY));
    assert_eq!(errno(Accuracy::Economical.set_for_process()), Some(libc::EBUSY));
    assert_eq!(errno(backends::userspace::ThreadOptions::new().set_for_process()), Some(libc::EBUSY));
    assert_eq!(opened(), backend);
    assert_eq!(Accuracy::of_process(), accuracy);
}

fn capabilities_do_not_fix_the_backend() {
    TimerFd::builder(Clock::Monotonic).capabilities().unwrap();
    backends::userspace::BACKEND.set_for_process().unwrap();
    assert!(!TimerFd::builder(Clock::Monotonic).capabilities().unwrap().process_shared);
}

fn a_forked_child_keeps_the_backend() {
    std::env::set_var(VARIABLE, "userspace");
    opened();
    std::env::set_var(VARIABLE, "nonesuch");
    // SAFETY: this process has one thread.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
        }
        ForkResult::Child => {
            assert_eq!(opened(), backends::userspace::BACKEND);
            assert_eq!(errno(backends::userspace::BACKEND.set_for_process()), Some(libc::EBUSY));
            std::process::exit(0);
        }
    }
}

/// std locks the environment. A forked child may inherit that lock held, so its first timer must
/// not wait for the lock if the program has chosen the backend.
fn a_chosen_backend_reads_no_environment() {
    const TOO_LONG_IN_SECONDS: u32 = 60;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                std::env::set_var("PORTABLE_TIMERFD_TEST", "changed");
            }
        });
        let mut fates = (0..200).map(|round| fate_of_a_child(round % 2 == 0, TOO_LONG_IN_SECONDS));
        let failed = fates.find(|fate| !matches!(fate, WaitStatus::Exited(_, 0)));
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(failed, None);
    });
}

/// Creates a timer in a forked child, and returns how the child has ended. A signal ends a child
/// that waits for ever.
fn fate_of_a_child(is_for_process: bool, limit_in_seconds: u32) -> WaitStatus {
    // SAFETY: the child needs no thread of this process, and no lock that such a thread takes.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
        ForkResult::Child => {
            nix::unistd::alarm::set(limit_in_seconds);
            let builder = TimerFd::builder(Clock::Monotonic);
            let made = if is_for_process {
                backends::userspace::BACKEND.set_for_process().and_then(|()| builder.open())
            } else {
                builder.backend(backends::userspace::BACKEND).open()
            };
            // SAFETY: the call ends the process without running handlers.
            unsafe { libc::_exit(i32::from(made.is_err())) }
        }
    }
}

/// Runs a set-user-ID copy of this program as another user. The copy runs this function again.
fn a_set_user_id_program_ignores_the_environment() {
    const NOBODY: u32 = 65_534;
    if getuid() != Uid::from_raw(0) {
        assert_eq!(getuid(), Uid::from_raw(NOBODY));
        assert!(nix::unistd::geteuid().is_root(), "the set-user-ID bit has no effect");
        TimerFd::new(Clock::Monotonic).unwrap();
        return;
    }
    let copy = std::env::temp_dir().join(format!("portable-timerfd-backend-{}", std::process::id()));
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o4755)).unwrap();
    let status = Command::new(&copy).env(VARIABLE, "nonesuch").current_dir("/").uid(NOBODY).gid(NOBODY).status();
    fs::remove_file(&copy).unwrap();
    assert!(status.unwrap().success());
    std::env::set_var(VARIABLE, "nonesuch");
    assert_names_the_variable(&TimerFd::new(Clock::Monotonic).unwrap_err());
}
