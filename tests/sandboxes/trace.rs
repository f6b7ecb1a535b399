//! Sorts the system calls in the output of strace by the operations that the marks name.

use crate::marks::OUTSIDE;
use crate::page::Names;
use std::collections::BTreeMap;

/// Returns the system calls of each operation, and those of the other threads.
pub fn by_operation(trace: &str, other_threads: &str) -> BTreeMap<String, Names> {
    let mut seen = BTreeMap::<String, Names>::new();
    let (mut operation, mut marker) = (None, None);
    for (thread, name, arguments) in trace.lines().filter_map(call) {
        if let Some(mark) = arguments.strip_prefix("-1, \"").filter(|_| name == "write") {
            operation = mark.split('"').next();
            marker = Some(thread);
            continue;
        }
        let Some(operation) = operation else { continue };
        let operation = if marker == Some(thread) { operation } else { other_threads };
        if operation != OUTSIDE {
            seen.entry(operation.to_owned()).or_default().insert(name.to_owned());
        }
    }
    seen
}

/// Returns the thread, the name and the arguments of a call; `None` for the second part of an
/// interrupted call, for signals and for exits.
fn call(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, arguments) = rest.trim_start().split_once('(')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_name).then_some((thread, name, arguments))
}
