//! Runs each program, once under strace and once under a filter.

use crate::operations::{exit, Program, PROGRAMS};
use crate::page::{table, Calls, Names};
use crate::{filter, marks, trace};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::{Command, ExitCode};

/// The environment variable with the program to run.
const PROGRAM: &str = "SANDBOXES_PROGRAM";
/// Whether the process enters a sandbox.
const IS_FILTERED: &str = "SANDBOXES_FILTER";

pub fn main() -> ExitCode {
    if let Ok(name) = std::env::var(PROGRAM) {
        let program = PROGRAMS.iter().find(|program| program.name == name).unwrap();
        run(program, std::env::var_os(IS_FILTERED).is_some())
    }
    let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let can_trace = can_trace.is_ok_and(|output| output.status.success());
    let mut trials = Vec::new();
    for program in &PROGRAMS {
        let name = program.name;
        let traced = move || the_page_lists_what_strace_sees(name);
        trials.push(
            Trial::test(format!("{name}::the_page_lists_what_strace_sees"), traced).with_ignored_flag(!can_trace),
        );
    }
    for name in ["owned", "fd-only"] {
        let filtered = move || a_filter_of_the_listed_calls_kills_nothing(name);
        trials.push(Trial::test(format!("{name}::a_filter_of_the_listed_calls_kills_nothing"), filtered));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs the program in this process.
fn run(program: &Program, is_filtered: bool) -> ! {
    nix::unistd::alarm::set(60);
    (program.before)();
    if is_filtered {
        let listed = listed(program.name);
        let listed = listed.values().flat_map(|calls| calls.always.iter().chain(&calls.sometimes));
        // The program itself writes marks, sleeps, waits, reads and exits.
        let own = ["write", "clock_nanosleep", "poll", "fcntl", "read", "close", "exit_group"];
        filter::allow_only(listed.map(String::as_str).chain(own));
    } else {
        marks::mark(INSIDE);
    }
    (program.inside)();
    exit()
}

/// The calls before this mark are not compared.
const INSIDE: &str = "inside";

const THREAD: &str = "timer thread";

fn listed(program: &str) -> BTreeMap<&'static str, Calls> {
    match program {
        "first" => table("Before the sandbox"),
        "owned" => table("Timers with an owner"),
        _ => table("Timers that are known by their descriptors"),
    }
}

fn this_program(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(PROGRAM, name);
    command
}

fn a_filter_of_the_listed_calls_kills_nothing(name: &str) -> Result<(), Failed> {
    let output = this_program(name).env(IS_FILTERED, "").output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn the_page_lists_what_strace_sees(name: &str) -> Result<(), Failed> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("sandboxes-{name}-{}", std::process::id()));
    let program = std::env::current_exe()?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&file).arg(program).env(PROGRAM, name);
    let output = strace.output()?;
    let traced = std::fs::read_to_string(&file)?;
    std::fs::remove_file(&file)?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let thread = if name == "first" { "the thread itself" } else { THREAD };
    let inside = traced.split_once(&format!("\"{INSIDE}\"")).ok_or("there is no mark")?.1;
    compare(&listed(name), &trace::by_operation(inside, thread))
}

fn compare(listed: &BTreeMap<&'static str, Calls>, seen: &BTreeMap<String, Names>) -> Result<(), Failed> {
    let mut wrong = String::new();
    let none = (Calls::default(), Names::new());
    let operations: Names = listed.keys().map(|&name| name.to_owned()).chain(seen.keys().cloned()).collect();
    for operation in &operations {
        let calls = listed.get(operation.as_str()).unwrap_or(&none.0);
        let seen = seen.get(operation).unwrap_or(&none.1);
        let missing: Vec<_> =
            seen.iter().filter(|call| !calls.always.contains(*call) && !calls.sometimes.contains(*call)).collect();
        let unseen: Vec<_> = calls.always.difference(seen).collect();
        if !missing.is_empty() || !unseen.is_empty() {
            writeln!(wrong, "{operation}: the page lacks {missing:?}, and strace did not see {unseen:?}")?;
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.into())
    }
}
