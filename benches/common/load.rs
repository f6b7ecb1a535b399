//! The load average of the machine: a measurement on a busy machine shows the other work, not us.

use std::process::Command;

/// The option that measures despite other work on the machine.
pub const DESPITE_LOAD: &str = "--despite-load";

/// The highest load average of an idle machine. One thread that always runs makes it 1.
pub const MOST_IDLE: f64 = 0.5;

/// The start of the line of `versus` that has the load average.
#[allow(dead_code)] // not every bench reads it
pub const RECORDED: &str = "load average\t";

/// Returns the load average of the last minute, or `None` if the system does not report it.
pub fn average() -> Option<f64> {
    if let Ok(text) = std::fs::read_to_string("/proc/loadavg") {
        return parse(&text);
    }
    // Some locales print a decimal comma.
    let output = Command::new("uptime").env("LC_ALL", "C").output().ok()?;
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// Returns the first load average in the text of `/proc/loadavg`, or in the output of `uptime`.
pub fn parse(text: &str) -> Option<f64> {
    let averages = match text.split_once("load average") {
        Some((_, rest)) => rest.split_once(':')?.1,
        None => text,
    };
    let first = averages.split([' ', ',', '\n']).find(|word| !word.is_empty())?;
    first.parse().ok().filter(|average: &f64| average.is_finite() && *average >= 0.0)
}

/// Formats a load average for a caption.
pub fn text(average: Option<f64>) -> String {
    average.map_or_else(|| "unknown".to_owned(), |average| format!("{average:.2}"))
}

/// Returns an error if this load average does not allow figures to be published.
pub fn check(average: Option<f64>, despite_load: bool) -> Result<(), String> {
    if despite_load || average.is_some_and(|average| average <= MOST_IDLE) {
        return Ok(());
    }
    Err(format!(
        "the machine is busy: the load average of the last minute is {}, and figures are published up to \
         {MOST_IDLE:.2}; no file was changed. Wait, or add {DESPITE_LOAD}",
        text(average)
    ))
}
