//! Runs this program under Callgrind, once for each number of calls, and prints the difference.

use lexopt::prelude::*;
use std::process::Command;

use crate::{calls, userspace};

/// The name of an operation, two numbers of calls, and the function that makes the calls.
pub type Op = (&'static str, [usize; 2], fn(usize));

fn ops() -> impl Iterator<Item = &'static Op> {
    calls::OPS.iter().chain(userspace::OPS)
}

pub fn main() -> Result<(), lexopt::Error> {
    let mut parts = Vec::new();
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            // This program runs itself with this option.
            Long("run") => {
                let name = args.value()?.string()?;
                let (.., calls) = ops().find(|op| op.0 == name).expect("a name of ours");
                calls(args.value()?.parse()?);
                return Ok(());
            }
            // cargo passes this option.
            Long("bench") => {}
            Value(part) => parts.push(part.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("NOT MEASURED: valgrind is not installed");
        return Ok(());
    }
    ops().filter(|op| parts.is_empty() || parts.iter().any(|part| op.0.contains(part))).for_each(measure);
    Ok(())
}

fn measure(&(name, [few, many], _): &Op) {
    let difference = median_of_three(|| of_a_process(name, many)) - median_of_three(|| of_a_process(name, few));
    println!("{name}\t{:.0}", difference / (many - few) as f64);
}

/// Returns the median of three counts.
///
/// The work of the timer thread at the start and the end of the process varies.
fn median_of_three(count: impl Fn() -> f64) -> f64 {
    let mut counts = [count(), count(), count()];
    counts.sort_by(f64::total_cmp);
    counts[1]
}

/// Returns the instructions of a whole process that makes `times` calls.
fn of_a_process(name: &str, times: usize) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--run", name, &times.to_string()])
        .output()
        .expect("valgrind is there");
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.filter(|_| output.status.success()).unwrap_or_else(|| panic!("{name} does not run there: {said}"))
}
