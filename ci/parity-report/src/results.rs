//! The results of the tests, from their output.

use std::collections::{BTreeMap, BTreeSet};

/// The names of the backends, in the order of the page's columns.
pub const BACKENDS: [&str; 2] = ["kernel", "userspace"];

/// The suites in which every test belongs to a promise.
const PROMISING: [&str; 6] = ["clock_changes", "conformance", "known_differences", "pollers", "process", "vm"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Ignored,
    Passed,
    Failed,
}

#[derive(Debug, Default)]
pub struct Results {
    /// The outcome of each test on each backend, over all logs: failed, otherwise passed, otherwise
    /// ignored.
    outcomes: BTreeMap<(String, usize), Outcome>,
    measured: BTreeMap<(String, usize), String>,
    /// The tests that must belong to a promise: those that ran.
    pub promising: BTreeSet<String>,
    /// The suite and the path of each test that failed, in a promise or not.
    pub failed: BTreeSet<String>,
}

impl Results {
    pub fn parse(logs: &[impl AsRef<str>], bounds: &str) -> Results {
        let mut results = Results::default();
        for log in logs {
            results.read_log(log.as_ref());
        }
        for line in bounds.lines() {
            let mut fields = line.split('\t').map(str::to_owned);
            if let (Some(backend), Some(test), Some(text)) = (fields.next(), fields.next(), fields.next()) {
                let number = BACKENDS.iter().position(|name| *name == backend);
                results.measured.extend(number.map(|number| ((test, number), text)));
            }
        }
        results
    }

    fn read_log(&mut self, log: &str) {
        let mut suite = String::new();
        for line in log.lines() {
            let header = line.trim_start();
            if let Some(path) = header.strip_prefix("Running ") {
                suite = suite_of(path);
            } else if header.starts_with("Doc-tests ") {
                suite.clear();
            }
            let test = line.strip_prefix("test ").and_then(|line| line.split_once(" ... "));
            if let Some((path, outcome)) = test {
                self.add(&suite, path.trim(), outcome);
            }
        }
    }

    fn add(&mut self, suite: &str, path: &str, outcome: &str) {
        let outcome = match outcome.split([' ', ',']).next() {
            Some("ok") => Outcome::Passed,
            Some("ignored") => Outcome::Ignored,
            _ => Outcome::Failed,
        };
        if outcome == Outcome::Failed {
            self.failed.insert(format!("{suite} {path}"));
        }
        // The part after a comma distinguishes the runs of one test.
        let path = path.split(',').next().unwrap_or(path);
        let name = path.rsplit("::").next().unwrap_or(path);
        // On some systems, an ignored test stands for a whole module that is not compiled there.
        if PROMISING.contains(&suite) && outcome != Outcome::Ignored {
            self.promising.insert(name.to_owned());
        }
        for number in backends_of(suite, path) {
            let known = self.outcomes.entry((name.to_owned(), number)).or_insert(outcome);
            *known = outcome.max(*known);
        }
    }

    pub fn outcome(&self, test: &str, backend: usize) -> Option<Outcome> {
        self.outcomes.get(&(test.to_owned(), backend)).copied()
    }

    pub fn measured(&self, test: &str, backend: usize) -> Option<&str> {
        self.measured.get(&(test.to_owned(), backend)).map(String::as_str)
    }
}

/// Whether a log of the test program contains its last line, which it prints after all suites.
pub fn is_whole(log: &str) -> bool {
    let is_end = |line: &str| line.starts_with("All suites passed: ") || line.starts_with("Tests failed in: ");
    log.lines().any(is_end)
}

/// The suite of a test binary: `clock_changes` for `clock_changes/main.rs (target/…)`. The path starts
/// at the folder of the package. The name of a unit test begins with `unittests`, and that of a test
/// in another package with `tests/`.
pub fn suite_of(path: &str) -> String {
    let file = path.split(' ').next().unwrap_or(path);
    file.trim_end_matches(".rs").trim_end_matches("/main").to_owned()
}

/// The backends that a test ran on: those that its path names, or otherwise those of its suite. The
/// simulated backend has no column, because every promise applies to it.
fn backends_of(suite: &str, path: &str) -> Vec<usize> {
    let names = |name| path.split("::").any(|part| part == name);
    let named: Vec<usize> = (0..2).filter(|&number| names(BACKENDS[number])).collect();
    match (named.is_empty(), suite) {
        (true, _) if names("simulated") => vec![],
        (false, _) => named,
        (true, "clock_changes" | "model_based") => vec![1],
        (true, "kernel") => vec![0],
        (true, _) => vec![0, 1],
    }
}
