//! The same C programs, unchanged, on every row: the system's own timerfd, each backend of the library, linked to it
//! dynamically and statically, and the system's binaries with the library preloaded. And Python's, plain and preloaded.

mod build;
mod library;
mod python;
mod rows;
mod run;
mod servers;
mod shapes;
mod thread;

use libtest_mimic::{Arguments, Failed, Trial};
use rows::Row;
use std::env;
use std::process::ExitCode;

/// A program: its source, and what shows that it did right.
type Program = (&'static str, fn(&Row, &'static str) -> Result<(), Failed>);

/// What each row runs.
const PROGRAMS: &[Program] = &[
    ("create.c", run::succeeds),
    ("settime.c", run::succeeds),
    ("rearm.c", run::succeeds),
    ("gettime.c", run::succeeds),
    ("read.c", run::succeeds),
    ("blocked.c", run::succeeds),
    ("signals.c", run::succeeds),
    ("poll.c", run::succeeds),
    ("epoll.c", run::succeeds),
    ("descriptors.c", run::succeeds),
    ("extremes.c", run::succeeds),
    ("threads.c", run::succeeds),
    ("cycles.c", run::succeeds),
    ("header.c", shapes::header),
    ("demo.c", shapes::demo),
    ("reactor.cpp", shapes::reactor),
    ("select_server.c", servers::compiled),
];

/// What the rows run that differ from another in how a program comes to the library only.
const SHORT: &[&str] =
    &["create.c", "settime.c", "read.c", "descriptors.c", "header.c", "demo.c", "reactor.cpp", "select_server.c"];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for row in rows::ALL {
        let mut programs = PROGRAMS.to_vec();
        if row.emulated() {
            programs.push(("departures.c", run::succeeds));
        }
        for (source, check) in programs {
            if row.is_short && !SHORT.contains(&source) && env::var_os("C_PROGRAMS").is_none() {
                continue;
            }
            let stem = source.split('.').next().unwrap_or(source);
            let trial = Trial::test(format!("{}::{stem}", row.name), move || check(row, source));
            trials.push(trial.with_ignored_flag(row.is_missing()));
        }
    }
    trials.extend(python::trials());
    trials.extend(library::trials());
    trials.extend(thread::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
