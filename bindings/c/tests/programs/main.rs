//! Runs the same C programs, unchanged, in every configuration.
//!
//! A configuration is the system's own timerfd, or a backend of the library. The library is linked
//! dynamically or statically, or preloaded. Python programs run with the system's own timerfd, and
//! with the library preloaded.

mod build;
mod configurations;
mod library;
mod output;
mod python;
mod run;
mod servers;
mod thread;

use configurations::Configuration;
use libtest_mimic::{Arguments, Failed, Trial};
use std::env;
use std::process::ExitCode;

/// A program: its source, and the function that runs it and checks the result.
type Program = (&'static str, fn(&Configuration, &'static str) -> Result<(), Failed>);

/// The programs that each configuration runs.
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
    ("header.c", output::header),
    ("demo.c", output::demo),
    ("reactor.cpp", output::reactor),
    ("select_server.c", servers::compiled),
];

/// The programs for configurations that differ from another only in how a program is linked.
const SHORT: &[&str] =
    &["create.c", "settime.c", "read.c", "descriptors.c", "header.c", "demo.c", "reactor.cpp", "select_server.c"];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for configuration in configurations::ALL {
        let mut programs = PROGRAMS.to_vec();
        if configuration.emulated() {
            programs.push(("departures.c", run::succeeds));
        }
        for (source, check) in programs {
            if configuration.is_short && !SHORT.contains(&source) && env::var_os("C_PROGRAMS").is_none() {
                continue;
            }
            let stem = source.split('.').next().unwrap_or(source);
            let trial = Trial::test(format!("{}::{stem}", configuration.name), move || check(configuration, source));
            trials.push(trial.with_ignored_flag(configuration.is_missing()));
        }
    }
    trials.extend(python::trials());
    trials.extend(library::trials());
    trials.extend(thread::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
