//! The tests of each promise: `docs/parity-tests.txt`, and the page `docs/parity-tests.md` that is
//! written from it.

use crate::page::Promise;
use crate::sources::Files;
use std::fmt::Write;

/// The tests of one promise.
#[derive(Debug)]
pub struct Entry {
    section: String,
    /// The first cell of the row of `docs/parity.md`, as it is in the page's source.
    promise: String,
    tests: Vec<String>,
}

impl Entry {
    fn is_of(&self, promise: &Promise) -> bool {
        self.section == promise.section && self.promise.replace('`', "") == promise.words
    }
}

/// Parses the list. It consists of headings (`## SECTION`), promises, and indented names of tests.
pub fn parse(list: &str) -> Result<Vec<Entry>, String> {
    let (mut entries, mut section) = (Vec::<Entry>::new(), "");
    for line in list.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading;
        } else if line.starts_with(' ') {
            let entry = entries.last_mut().ok_or_else(|| format!("no promise precedes {line}"))?;
            entry.tests.push(line.trim().to_owned());
        } else if !line.is_empty() && !line.starts_with('#') {
            entries.push(Entry { section: section.to_owned(), promise: line.to_owned(), tests: vec![] });
        }
    }
    Ok(entries)
}

/// Adds the tests to the promises. Returns a fault for each promise without an entry, and for each
/// entry that belongs to no promise or to the promise of another entry.
pub fn assign(entries: &[Entry], promises: &mut [Promise]) -> Vec<String> {
    let mut is_used = vec![false; entries.len()];
    let mut faults = Vec::new();
    for promise in promises {
        match entries.iter().position(|entry| entry.is_of(promise)) {
            Some(at) => {
                is_used[at] = true;
                promise.tests.clone_from(&entries[at].tests);
            }
            None => faults.push(format!("\"{}\" is not in parity-tests.txt", promise.words)),
        }
    }
    let unused = entries.iter().zip(is_used).filter(|(_, is_used)| !is_used);
    faults.extend(unused.map(|(entry, _)| format!("no row is named \"{}\", as in parity-tests.txt", entry.promise)));
    faults
}

/// Returns a fault for each test that no source file defines.
pub fn missing(entries: &[Entry], files: &Files) -> Vec<String> {
    let tests = entries.iter().flat_map(|entry| &entry.tests);
    tests.filter(|test| !files.contains_key(*test)).map(|test| format!("the test {test} does not exist")).collect()
}

/// The page: each promise, with links to the files of its tests.
pub fn page(entries: &[Entry], files: &Files) -> String {
    let mut page = "\
# Tests of the promises

<!-- Written by `cargo run -p parity-report -- --write` from parity-tests.txt. Change that file. -->

This page lists the tests that show each promise of [parity.md](parity.md).
"
    .to_owned();
    let mut section = "";
    for entry in entries {
        if entry.section != section {
            section = &entry.section;
            let _ = write!(page, "\n## {section}\n");
        }
        let _ = write!(page, "\n{}\n\n", wrapped(&format!("**{}**", entry.promise)));
        if entry.tests.is_empty() {
            page.push_str("- not tested\n");
        }
        for test in &entry.tests {
            let _ = writeln!(page, "- `{test}`");
            for path in files.get(test).into_iter().flatten() {
                let _ = writeln!(page, "  [{path}](../{path})");
            }
        }
    }
    page
}

/// The text in lines of at most 100 characters.
fn wrapped(text: &str) -> String {
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let added = word.chars().count() + 1;
        if width + added > 101 {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
        }
        lines.push_str(word);
        width += added;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# A comment\n\n## Counts\n\n`read` counts\n    it_counts\n    it_adds\n\nnothing else\n";

    fn promise(words: &str) -> Promise {
        Promise { section: "Counts".into(), words: words.into(), ..Promise::default() }
    }

    #[test]
    fn a_promise_gets_the_tests_of_its_entry() {
        let mut promises = [promise("read counts"), promise("nothing else")];
        assert!(assign(&parse(LIST).unwrap(), &mut promises).is_empty());
        assert_eq!(promises[0].tests, ["it_counts", "it_adds"]);
        assert!(promises[1].tests.is_empty());
    }

    #[test]
    fn a_promise_without_an_entry_and_an_entry_without_a_promise_are_faults() {
        let faults = assign(&parse(LIST).unwrap(), &mut [promise("read counts"), promise("a new row")]);
        assert_eq!(faults.len(), 2);
        assert!(faults[0].contains("a new row") && faults[1].contains("nothing else"));
    }

    #[test]
    fn the_second_entry_of_a_promise_is_a_fault() {
        let list = "## Counts\nread counts\n    it_counts\nread counts\n    it_adds\n";
        assert_eq!(assign(&parse(list).unwrap(), &mut [promise("read counts")]).len(), 1);
    }

    #[test]
    fn a_test_that_no_file_defines_is_missing() {
        let files = Files::from([("it_counts".to_owned(), ["tests/a.rs".to_owned()].into())]);
        assert_eq!(missing(&parse(LIST).unwrap(), &files), ["the test it_adds does not exist"]);
    }

    #[test]
    fn the_page_links_to_the_file_of_a_test() {
        let files = Files::from([("it_counts".to_owned(), ["tests/a.rs".to_owned()].into())]);
        let page = page(&parse(LIST).unwrap(), &files);
        assert!(page.contains("**`read` counts**\n\n- `it_counts`\n  [tests/a.rs](../tests/a.rs)\n"), "{page}");
    }
    #[test]
    fn a_line_has_at_most_100_characters() {
        let (first, second) = ("a ".repeat(49) + "bc", "d ".repeat(50));
        assert_eq!(wrapped(&format!("{first} {}", second.trim())), format!("{first}\n{}", second.trim()));
    }
}
