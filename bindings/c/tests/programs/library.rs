//! The library's exports, its choice of the backend, and how it is loaded and unloaded.

use crate::configurations::Link;
use crate::output::STANDARDS;
use crate::run::run;
use crate::{build, configurations};
use libtest_mimic::{Failed, Trial};
use std::process::Command;

/// The names that the library exports, in the order of `sort_unstable`.
const NAMES: [&str; 9] = [
    "ptfd_capabilities",
    "ptfd_read",
    "ptfd_set_backend",
    "ptfd_set_thread_options",
    "ptfd_start_thread",
    "ptfd_version",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
];

/// A program can have no other conflict of names with the library.
fn the_library_exports_the_functions_of_its_headers() -> Result<(), Failed> {
    let output = run(Command::new("nm").args(["-D", "--defined-only"]).arg(build::shared_library()?))?;
    let mut names: Vec<_> = output.out.lines().filter_map(|line| line.split_whitespace().last()).collect();
    names.sort_unstable();
    if names == NAMES {
        Ok(())
    } else {
        Err(format!("exported: {names:?}").into())
    }
}

/// The reason is printed once, in one line.
fn an_unknown_backend_is_an_error() -> Result<(), Failed> {
    let program = build::program("unknown_backend.c", Link::Shared)?;
    let output = run(Command::new(program).env("PORTABLE_TIMERFD_BACKEND", "nonsense"))?;
    if output.err.lines().count() == 1 && output.err.contains("nonsense") && output.out.is_empty() {
        Ok(())
    } else {
        Err(format!("it printed:\n{}{}", output.out, output.err).into())
    }
}

/// Without a variable in the environment, the library uses timerfd(2) if the system has it.
fn the_default_is_the_kernel() -> Result<(), Failed> {
    let program = build::program("settime.c", Link::Shared)?;
    run(Command::new(&program).env_remove("PORTABLE_TIMERFD_BACKEND"))?;
    let departures = build::program("departures.c", Link::Shared)?;
    match run(Command::new(departures).env_remove("PORTABLE_TIMERFD_BACKEND")) {
        Err(_) => Ok(()),
        Ok(_) => Err("its timers are pipes".into()),
    }
}

/// Emulated timers keep the code of the plugin loaded.
fn a_plugin_with_the_static_library_can_be_unloaded() -> Result<(), Failed> {
    let (host, plugin) = (build::program("plugin_host.c", Link::System)?, build::program("plugin.c", Link::Plugin)?);
    for (backend, then) in [("kernel", "gone"), ("userspace", "loaded")] {
        run(Command::new(&host).arg(&plugin).arg(then).env("PORTABLE_TIMERFD_BACKEND", backend))?;
    }
    Ok(())
}

/// Emulated timers make no call of timerfd.
fn emulated_timers_work_in_a_sandbox_that_kills_for_timerfd() -> Result<(), Failed> {
    let program = build::program("sandbox.c", Link::Shared)?;
    run(Command::new(program).env("PORTABLE_TIMERFD_BACKEND", "userspace")).map(drop)
}

/// A question fixes no choice. The answer is also right in a sandbox without timerfd.
fn a_question_about_capabilities_has_no_effect(refused: &[&str]) -> Result<(), Failed> {
    for link in [Link::Shared, Link::Static] {
        let program = build::program("queries.c", link)?;
        run(Command::new(program).args(refused).env_remove("PORTABLE_TIMERFD_BACKEND"))?;
    }
    Ok(())
}

/// The calls take precedence over the environment.
fn extensions(backend: &str) -> Result<(), Failed> {
    for standard in STANDARDS {
        build::is_valid("extension_header.c", Link::Shared, standard)?;
    }
    let mut command = Command::new(build::program("extensions.c", Link::Shared)?);
    command.env("PORTABLE_TIMERFD_BACKEND", "nonsense").env("PORTABLE_TIMERFD_THREAD", "nonsense");
    let output = run(command.arg(backend))?;
    if output.err.is_empty() {
        Ok(())
    } else {
        Err(format!("it succeeded, but printed errors: {}", output.err).into())
    }
}

pub fn trials() -> Vec<Trial> {
    let kernel_is_missing =
        configurations::ALL.iter().any(|configuration| configuration.name == "kernel" && configuration.is_missing());
    vec![
        Trial::test(
            "library::the_library_exports_the_functions_of_its_headers",
            the_library_exports_the_functions_of_its_headers,
        )
        .with_ignored_flag(!cfg!(target_os = "linux")),
        Trial::test("extensions::kernel", || extensions("kernel")).with_ignored_flag(kernel_is_missing),
        Trial::test("extensions::userspace", || extensions("userspace")),
        Trial::test(
            "library::emulated_timers_work_in_a_sandbox_that_kills_for_timerfd",
            emulated_timers_work_in_a_sandbox_that_kills_for_timerfd,
        )
        .with_ignored_flag(!cfg!(target_os = "linux")),
        Trial::test("library::a_question_about_capabilities_has_no_effect", || {
            a_question_about_capabilities_has_no_effect(&[])
        }),
        Trial::test("library::capabilities_in_a_sandbox_are_those_of_emulated_timers", || {
            ["ENOSYS", "EPERM", "EACCES"]
                .iter()
                .try_for_each(|&error| a_question_about_capabilities_has_no_effect(&[error]))
        })
        .with_ignored_flag(!cfg!(target_os = "linux")),
        Trial::test("library::an_unknown_backend_is_an_error", an_unknown_backend_is_an_error),
        Trial::test("library::the_default_is_the_kernel", the_default_is_the_kernel)
            .with_ignored_flag(kernel_is_missing),
        Trial::test(
            "library::a_plugin_with_the_static_library_can_be_unloaded",
            a_plugin_with_the_static_library_can_be_unloaded,
        )
        .with_ignored_flag(!cfg!(all(target_os = "linux", target_env = "gnu"))),
    ]
}
