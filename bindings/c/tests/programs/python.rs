//! Python's `os.timerfd_*`, with the C library's functions and with our library preloaded.

use crate::configurations::{self, Configuration};
use crate::run::run;
use crate::servers;
use libtest_mimic::{Failed, Trial};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A script, and the function that runs it and checks the result.
type Script = (&'static str, fn(&mut Command) -> Result<(), Failed>);

const SCRIPTS: &[Script] = &[("blocking", blocking), ("epoll_server", server), ("select_server", server)];

/// Returns a Python that has `os.timerfd_create`: the one in the variable PYTHON, or a common name.
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

fn command(configuration: &Configuration, python: &Path, script: &str) -> Result<Command, Failed> {
    let mut command = configuration.command(python)?;
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/tests/programs").join(script).with_extension("py"));
    Ok(command)
}

/// Checks a script that reads five expirations and closes the timer.
///
/// The first expiration comes after 50 ms, the others every 20 ms.
fn blocking(command: &mut Command) -> Result<(), Failed> {
    let output = run(command.args(["0.05", "0.02", "5"]))?;
    let (expirations, others): (Vec<_>, Vec<_>) =
        output.out.lines().partition(|line| line.starts_with("Timer expired "));
    if others == ["Bad file descriptor"] && (1..=5).contains(&expirations.len()) {
        Ok(())
    } else {
        Err(output.out.into())
    }
}

fn server(command: &mut Command) -> Result<(), Failed> {
    servers::talk(command.arg("0"))
}

/// Returns the trials of the two configurations with the system's binaries.
///
/// Without a suitable Python, they are ignored.
pub fn trials() -> Vec<Trial> {
    let python = interpreter();
    let mut trials = Vec::new();
    for configuration in
        configurations::ALL.iter().filter(|configuration| configuration.link == configurations::Link::System)
    {
        for &(script, check) in SCRIPTS {
            let python = python.clone();
            let ignored = configuration.is_missing() || python.is_none();
            let trial = Trial::test(format!("{}::python_{script}", configuration.name), move || {
                let python = python.ok_or("no Python with os.timerfd_create: 3.13 or later on Linux")?;
                check(&mut command(configuration, &python, script)?)
            });
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    trials
}
