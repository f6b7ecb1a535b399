//! The options of the timer thread from the environment.

use crate::build;
use crate::configurations::Link;
use crate::run::{run, Output};
use libtest_mimic::{Failed, Trial};
use nix::unistd::geteuid;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn output_of(program: &Path, options: &str, arguments: &[&str]) -> Result<Output, Failed> {
    run(with_options(program, options).args(arguments))
}

fn with_options(program: &Path, options: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PORTABLE_TIMERFD_BACKEND", "userspace").env("PORTABLE_TIMERFD_THREAD", options);
    command
}

fn starts_with(output: Output, expected: &str) -> Result<(), Failed> {
    if output.out.starts_with(expected) && output.err.is_empty() {
        Ok(())
    } else {
        Err(format!("not {expected}: {}{}", output.out, output.err).into())
    }
}

fn first_cpu() -> Result<String, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).ok_or("no list of CPUs")?;
    Ok(list.trim().split([',', '-']).next().unwrap_or_default().to_owned())
}

fn the_environment_chooses_cpus() -> Result<(), Failed> {
    let program = build::program("thread.c", Link::Shared)?;
    for policy in ["other", "other+exact"] {
        let options = format!("{policy}@{}", first_cpu()?);
        starts_with(output_of(&program, &options, &[])?, "policy 0, priority 0, on 1 CPUs, ")?;
    }
    Ok(())
}

fn the_environment_chooses_a_real_time_policy() -> Result<(), Failed> {
    let program = build::program("thread.c", Link::Shared)?;
    starts_with(output_of(&program, "fifo:60", &[])?, "policy 1, priority 60, ")?;
    starts_with(output_of(&program, &format!("rr:10@{}", first_cpu()?), &[])?, "policy 2, priority 10, on 1 CPUs, ")
}

/// Checks that the library has printed one line about the variable.
fn is_reported(output: &Output, options: &str) -> Result<(), Failed> {
    let names = ["PORTABLE_TIMERFD_THREAD".to_owned(), format!("{options:?}")];
    if output.err.lines().count() == 1 && names.iter().all(|name| output.err.contains(name)) && output.out.is_empty() {
        Ok(())
    } else {
        Err(format!("{options:?}: it printed:\n{}{}", output.out, output.err).into())
    }
}

/// Each create fails, and the library prints one line.
fn malformed_options_are_an_error_each_time() -> Result<(), Failed> {
    let program = build::program("thread.c", Link::Shared)?;
    for options in [
        "",
        "fifo",
        "fifo:60 ",
        "fifo:0",
        "fifo:100",
        "fifo:10+exact",
        "other:1",
        "other@",
        "other@8192",
        "idle",
        "\u{e9}",
    ] {
        is_reported(&output_of(&program, options, &["malformed"])?, options)?;
    }
    Ok(())
}

/// The program replaces malformed options, and options that the system refuses.
fn wrong_options_can_be_replaced() -> Result<(), Failed> {
    let program = build::program("fallback.c", Link::Shared)?;
    is_reported(&output_of(&program, "nonsense", &[])?, "nonsense")
}

/// A set-user-ID copy of the program that runs as root. It is removed on drop.
///
/// The copy is in a folder where any user can start it.
struct SetUserId(PathBuf);

impl SetUserId {
    fn of(program: &Path) -> Result<SetUserId, Failed> {
        let copy = std::env::temp_dir().join(format!("portable-timerfd-set-user-id-{}", std::process::id()));
        fs::copy(program, &copy)?;
        let copy = SetUserId(copy);
        fs::set_permissions(&copy.0, Permissions::from_mode(0o4755))?;
        Ok(copy)
    }
}

impl Drop for SetUserId {
    fn drop(&mut self) {
        // The copy may have been removed already.
        let _ = fs::remove_file(&self.0);
    }
}

fn a_set_user_id_program_ignores_the_environment() -> Result<(), Failed> {
    let copy = SetUserId::of(&build::program("thread.c", Link::Static)?)?;
    let by_another_user = |backend: &str, options: &str| {
        let mut command = with_options(&copy.0, options);
        run(command.env("PORTABLE_TIMERFD_BACKEND", backend).current_dir("/").uid(65_534).gid(65_534))
    };
    for (backend, options) in [("userspace", "fifo:60"), ("userspace", "nonsense"), ("nonsense", "fifo:60")] {
        let output = by_another_user(backend, options)?;
        starts_with(output, "policy 0, priority 0, ")
            .map_err(|e| Failed::from(format!("{backend}, {options}: {e:?}")))?;
    }
    let output = by_another_user("userspace", "fifo:60")?;
    if output.out.ends_with(", another user\n") {
        Ok(())
    } else {
        Err(format!("the set-user-ID bit has no effect in {}: {}", copy.0.display(), output.out).into())
    }
}

/// Returns the trials.
///
/// Those that need root are ignored without it. All but one are ignored without `/proc`.
pub fn trials() -> Vec<Trial> {
    let is_elsewhere = !cfg!(target_os = "linux");
    let needs_root = is_elsewhere || !geteuid().is_root();
    vec![
        Trial::test("thread::the_environment_chooses_cpus", the_environment_chooses_cpus)
            .with_ignored_flag(is_elsewhere),
        Trial::test("thread::the_environment_chooses_a_real_time_policy", the_environment_chooses_a_real_time_policy)
            .with_ignored_flag(needs_root),
        Trial::test("thread::malformed_options_are_an_error_each_time", malformed_options_are_an_error_each_time),
        Trial::test("thread::wrong_options_can_be_replaced", wrong_options_can_be_replaced),
        Trial::test(
            "thread::a_set_user_id_program_ignores_the_environment",
            a_set_user_id_program_ignores_the_environment,
        )
        .with_ignored_flag(needs_root),
    ]
}
