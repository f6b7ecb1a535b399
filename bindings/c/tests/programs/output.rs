//! Programs whose output is checked: its format, the sums of counts, and no early expiration.

use crate::build;
use crate::configurations::Configuration;
use crate::run::{run, succeeds};
use libtest_mimic::Failed;
use std::time::Instant;

/// The versions of C and C++ in which a header must compile.
pub const STANDARDS: [&str; 8] = ["c89", "c99", "c11", "c++98", "c++11", "c++14", "c++17", "c++20"];

/// Checks that the header compiles in all versions of C and C++, and that its declarations work.
pub fn header(configuration: &Configuration, source: &'static str) -> Result<(), Failed> {
    for standard in STANDARDS {
        build::is_valid(source, configuration.link, standard)?;
    }
    succeeds(configuration, source)
}

/// Parses a line of the demonstration, `0.050: read: 1; total=3`: milliseconds, count, total.
fn demo_line(line: &str) -> Option<(u64, u64, u64)> {
    let (time, rest) = line.split_once(": ")?;
    let (seconds, thousandths) = time.split_once('.')?;
    let (count, total) = rest.strip_prefix("read: ")?.split_once("; total=")?;
    let ms = seconds.parse::<u64>().ok()? * 1000 + thousandths.parse::<u64>().ok()?;
    (thousandths.len() == 3).then_some((ms, count.parse().ok()?, total.parse().ok()?))
}

/// Checks seven expirations, the first after 50 ms and then every 10 ms.
///
/// None must be early, and the totals must add up.
pub fn demo(configuration: &Configuration, source: &'static str) -> Result<(), Failed> {
    let program = build::program(source, configuration.link)?;
    let output = run(configuration.command(&program)?.args(["0.05", "0.01", "7"]))?;
    let mut lines = output.out.lines();
    let first = lines.next().ok_or("no line")?;
    if !first.ends_with(": timer started") {
        return Err(format!("first line: {first}").into());
    }
    let mut sum = 0;
    for line in lines {
        let (ms, count, total) = demo_line(line).ok_or_else(|| format!("no line of a demonstration: {line}"))?;
        sum += count;
        if count == 0 || total != sum || ms < 50 + 10 * (sum - 1) {
            return Err(format!("wrong count, or early: {line}\n{}", output.out).into());
        }
    }
    if sum < 7 {
        return Err(format!("ended too soon:\n{}", output.out).into());
    }
    let once = run(configuration.command(&program)?.arg("0.01"))?;
    match once.out.lines().nth(1).and_then(demo_line) {
        Some((ms, 1, 1)) if ms >= 10 && once.out.lines().count() == 2 => Ok(()),
        _ => Err(format!("not one expiration:\n{}", once.out).into()),
    }
}

/// Checks twelve expirations, one every 10 ms: none is early.
pub fn reactor(configuration: &Configuration, source: &'static str) -> Result<(), Failed> {
    let program = build::program(source, configuration.link)?;
    let start = Instant::now();
    let output = run(configuration.command(&program)?.arg("12"))?;
    let most = start.elapsed().as_millis() / 10;
    let counts: Option<Vec<u128>> = output
        .out
        .lines()
        .map(|line| line.strip_prefix("Timer triggered (")?.strip_suffix(')')?.parse().ok())
        .collect();
    match counts {
        Some(counts) if !counts.contains(&0) && (12..=most).contains(&counts.iter().sum()) => Ok(()),
        _ => Err(format!("not twelve expirations, or more than {most}:\n{}", output.out).into()),
    }
}
