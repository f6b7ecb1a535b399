//! Python's `os.timerfd_*`, which calls the C library's: plain, and with ours preloaded.

use crate::rows::{self, Row};
use crate::run::run;
use crate::servers;
use libtest_mimic::{Failed, Trial};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What runs a script.
type Script = (&'static str, fn(&mut Command) -> Result<(), Failed>);

const SCRIPTS: &[Script] = &[("blocking", blocking), ("epoll_server", server), ("select_server", server)];

/// A Python that has `os.timerfd_create`: one named by PYTHON, or a usual one.
fn interpreter() -> Option<PathBuf> {
    let named = env::var_os("PYTHON").map(PathBuf::from);
    let usual = ["python3.14", "python3.13", "python3"].map(PathBuf::from);
    let has_it = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import os; os.timerfd_create"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    named.into_iter().chain(usual).find(has_it)
}

fn command(row: &Row, python: &Path, script: &str) -> Result<Command, Failed> {
    let mut command = row.command(python)?;
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/tests/programs").join(script).with_extension("py"));
    Ok(command)
}

/// First after 50 ms, then each 20 ms, five times; then it is closed.
fn blocking(command: &mut Command) -> Result<(), Failed> {
    let said = run(command.args(["0.05", "0.02", "5"]))?;
    let (expirations, others): (Vec<_>, Vec<_>) = said.out.lines().partition(|line| line.starts_with("Timer expired "));
    if others == ["Bad file descriptor"] && (1..=5).contains(&expirations.len()) {
        Ok(())
    } else {
        Err(said.out.into())
    }
}

fn server(command: &mut Command) -> Result<(), Failed> {
    servers::talk(command.arg("0"))
}

/// Both rows of the system's own binaries. Without such a Python they show as ignored.
pub fn trials() -> Vec<Trial> {
    let python = interpreter();
    let mut trials = Vec::new();
    for row in rows::ALL.iter().filter(|row| row.link == rows::Link::System) {
        for &(script, check) in SCRIPTS {
            let python = python.clone();
            let ignored = row.is_missing() || python.is_none();
            let trial = Trial::test(format!("{}::python_{script}", row.name), move || {
                let python = python.ok_or("no Python with os.timerfd_create: 3.13 or later on Linux")?;
                check(&mut command(row, &python, script)?)
            });
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    trials
}
