//! The library as a file, and as it starts: what it exports, and what it says of a backend that there is not.

use crate::rows::Link;
use crate::run::run;
use crate::{build, rows};
use libtest_mimic::{Failed, Trial};
use std::process::Command;

/// Three names and no more, so that nothing else of a program can be caught by them.
fn three_calls_are_exported() -> Result<(), Failed> {
    let said = run(Command::new("nm").args(["-D", "--defined-only"]).arg(build::shared_library()?))?;
    let mut names: Vec<_> = said.out.lines().filter_map(|line| line.split_whitespace().last()).collect();
    names.sort_unstable();
    if names == ["timerfd_create", "timerfd_gettime", "timerfd_settime"] {
        Ok(())
    } else {
        Err(format!("exported: {names:?}").into())
    }
}

/// Each create fails; the reason is said once, in one line.
fn a_backend_that_there_is_not() -> Result<(), Failed> {
    let program = build::program("nonsense.c", Link::Shared)?;
    let said = run(Command::new(program).env("PORTABLE_TIMERFD_BACKEND", "nonsense"))?;
    if said.err.lines().count() == 1 && said.err.contains("nonsense") && said.out.is_empty() {
        Ok(())
    } else {
        Err(format!("it said:\n{}{}", said.out, said.err).into())
    }
}

/// Without a word from outside, a system with timerfd(2) uses it.
fn the_default_is_the_kernel() -> Result<(), Failed> {
    let program = build::program("settime.c", Link::Shared)?;
    run(Command::new(&program).env_remove("PORTABLE_TIMERFD_BACKEND"))?;
    let departures = build::program("departures.c", Link::Shared)?;
    match run(Command::new(departures).env_remove("PORTABLE_TIMERFD_BACKEND")) {
        Err(_) => Ok(()),
        Ok(_) => Err("its timers are pipes".into()),
    }
}

/// A plugin that has the static library in it is unloaded. The timers of the emulation keep their code loaded.
fn a_plugin_with_the_static_library_can_be_unloaded() -> Result<(), Failed> {
    let (host, plugin) = (build::program("plugin_host.c", Link::System)?, build::program("plugin.c", Link::Plugin)?);
    for (backend, then) in [("kernel", "gone"), ("userspace", "loaded")] {
        run(Command::new(&host).arg(&plugin).arg(then).env("PORTABLE_TIMERFD_BACKEND", backend))?;
    }
    Ok(())
}

/// The library's own timers need no call of timerfd.
fn a_sandbox_that_kills_for_timerfd_kills_no_program() -> Result<(), Failed> {
    let program = build::program("sandbox.c", Link::Shared)?;
    run(Command::new(program).env("PORTABLE_TIMERFD_BACKEND", "userspace")).map(drop)
}

pub fn trials() -> Vec<Trial> {
    let kernel_is_missing = rows::ALL.iter().any(|row| row.name == "kernel" && row.is_missing());
    vec![
        Trial::test("library::three_calls_are_exported", three_calls_are_exported)
            .with_ignored_flag(!cfg!(target_os = "linux")),
        Trial::test(
            "library::a_sandbox_that_kills_for_timerfd_kills_no_program",
            a_sandbox_that_kills_for_timerfd_kills_no_program,
        )
        .with_ignored_flag(!cfg!(target_os = "linux")),
        Trial::test("library::a_backend_that_there_is_not", a_backend_that_there_is_not),
        Trial::test("library::the_default_is_the_kernel", the_default_is_the_kernel)
            .with_ignored_flag(kernel_is_missing),
        Trial::test(
            "library::a_plugin_with_the_static_library_can_be_unloaded",
            a_plugin_with_the_static_library_can_be_unloaded,
        )
        .with_ignored_flag(!cfg!(all(target_os = "linux", target_env = "gnu"))),
    ]
}
