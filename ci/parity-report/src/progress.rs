//! Shows which suite is running on which backend, from the output of `cargo test`.

use crate::results::{suite_of, BACKENDS};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub struct Progress {
    suite: String,
    shown: BTreeSet<String>,
}

impl Progress {
    /// Returns what to show for this line of the output, or `None` if it begins nothing new.
    pub fn after(&mut self, line: &str) -> Option<String> {
        let header = line.trim_start();
        if let Some(path) = header.strip_prefix("Running ") {
            self.suite = format!("suite {}", suite_of(path));
        } else if let Some(package) = header.strip_prefix("Doc-tests ") {
            self.suite = format!("programs in the documentation of {package}");
        } else if self.suite.is_empty() {
            // cargo still builds: these are its own lines.
            return Some(line.to_owned());
        } else {
            let (path, _) = line.strip_prefix("test ")?.split_once(" ... ")?;
            return self.unless_shown(format!("{} on {}", self.suite, backend_of(path)?));
        }
        self.unless_shown(self.suite.clone())
    }

    fn unless_shown(&mut self, text: String) -> Option<String> {
        self.shown.insert(text.clone()).then_some(text)
    }
}

/// The backend with which the path of a test begins. Unit tests have it within their paths, as the
/// name of a module.
fn backend_of(path: &str) -> Option<&str> {
    path.split("::").next().filter(|part| *part == "simulated" || BACKENDS.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
   Compiling libc v0.2
     Running conformance/main.rs (target/debug/deps/conformance-1)
running 3 tests
test kernel::counts::sums ... ok
test kernel::reads::blocks ... ok
test userspace::counts::sums ... ok
     Running unittests src/lib.rs (target/debug/deps/library-1)
test backends::userspace::queues::is_empty ... ok
   Doc-tests library
test src/lib.rs - (line 3) ... ok";

    #[test]
    fn each_suite_and_each_of_its_backends_is_shown_once() {
        let mut progress = Progress::default();
        let shown: Vec<String> = OUTPUT.lines().filter_map(|line| progress.after(line)).collect();
        assert_eq!(
            shown,
            [
                "Compiling libc v0.2",
                "suite conformance",
                "suite conformance on kernel",
                "suite conformance on userspace",
                "suite unittests",
                "programs in the documentation of library"
            ]
        );
    }
}
