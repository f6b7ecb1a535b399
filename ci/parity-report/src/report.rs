//! The tables with the results of the tests, and the faults: the places where the page and the
//! results disagree.

use crate::page::Promise;
use crate::results::{Outcome, Results, BACKENDS};
use std::fmt::Write;

#[derive(Debug, Default)]
pub struct Report {
    pub table: String,
    pub faults: Vec<String>,
    /// The texts for all promises on all backends.
    verdicts: Vec<String>,
}

impl Report {
    /// Makes the tables. `also` has the name and the results of each further column.
    pub fn new(page: &[Promise], results: &Results, also: &[(&str, Results)]) -> Report {
        let mut report = Report::default();
        let mut section = "";
        for promise in page {
            if promise.section != section {
                section = &promise.section;
                let columns: Vec<&str> = BACKENDS.into_iter().chain(also.iter().map(|(name, _)| *name)).collect();
                let _ = write!(report.table, "\n## {section}\n\n| promise | {} |\n|---|", columns.join(" | "));
                let _ = writeln!(report.table, "{}", "---|".repeat(columns.len()));
            }
            let [kernel, userspace] = [0, 1].map(|backend| report.verdict(promise, backend, results));
            let _ = write!(report.table, "| {} | {kernel} | {userspace} |", promise.words);
            for (name, results) in also {
                let verdict = report.further_verdict(promise, name, results);
                let _ = write!(report.table, " {verdict} |");
            }
            report.table.push('\n');
            report.verdicts.extend([kernel, userspace]);
            report.check_names(promise, results);
        }
        report.check_that_all_are_named(page, results);
        let failed = results.failed.iter().map(|test| format!("failed: {test}"));
        report.faults.extend(failed);
        report
    }

    /// One line about the whole report.
    pub fn summary(&self) -> String {
        let number = |word: &str| self.verdicts.iter().filter(|verdict| verdict.starts_with(word)).count();
        let [pass, bounded, shown, ignored, failed] = ["pass", "bounded", "shown", "ignored", "FAILED"].map(number);
        let without = self.verdicts.len() - pass - bounded - shown - ignored - failed;
        let promises = self.verdicts.len() / BACKENDS.len();
        let end = match self.faults.len() {
            0 => String::from("the page and the tests agree"),
            faults => format!("faults: {faults}"),
        };
        format!(
            "{promises} promises, each on {}: {pass} pass, {bounded} bounded, {shown} shown, {ignored} ignored, \
             {without} without a test, {failed} FAILED; {end}",
            BACKENDS.join(" and ")
        )
    }

    fn fault(&mut self, promise: &Promise, what: &str) {
        self.faults.push(format!("\"{}\": {what}", promise.words));
    }

    /// The text for a promise on a backend, from its claim and the outcomes of its tests.
    fn verdict(&mut self, promise: &Promise, backend: usize, results: &Results) -> String {
        let claim = promise.claims[backend].as_str();
        let outcomes = promise.tests.iter().filter_map(|test| results.outcome(test, backend));
        let worst = outcomes.clone().max();
        match (worst, claim) {
            (Some(Outcome::Failed), _) => {
                let failed = |test: &&String| results.outcome(test, backend) == Some(Outcome::Failed);
                let tests: Vec<&str> = promise.tests.iter().filter(failed).map(String::as_str).collect();
                self.fault(promise, &format!("on {} {} failed", BACKENDS[backend], tests.join(", ")));
                "FAILED".into()
            }
            (Some(Outcome::Ignored), _) => "ignored".into(),
            (Some(Outcome::Passed), claim) if is_bounded(claim) => self.bound(promise, backend, results),
            (Some(Outcome::Passed), claim) if claim.starts_with("exact") => "pass".into(),
            (Some(Outcome::Passed), claim) => format!("shown: {}", first_words(claim)),
            (None, claim) if is_bounded(claim) || backend == 1 && claim.starts_with("exact") => {
                if !promise.tests.is_empty() {
                    self.fault(promise, &format!("no test ran on {}", BACKENDS[backend]));
                }
                "not tested".into()
            }
            (None, claim) if claim.starts_with("exact") => "known, not tested".into(),
            (None, claim) => first_words(claim).into(),
        }
    }

    /// The text for a promise in a further column: the outcomes of its tests on all backends.
    fn further_verdict(&mut self, promise: &Promise, column: &str, results: &Results) -> String {
        let (mut passed, mut ignored, mut failed) = (0, 0, Vec::new());
        for test in &promise.tests {
            for outcome in (0..BACKENDS.len()).filter_map(|backend| results.outcome(test, backend)) {
                match outcome {
                    Outcome::Passed => passed += 1,
                    Outcome::Ignored => ignored += 1,
                    Outcome::Failed => failed.push(test.as_str()),
                }
            }
        }
        failed.dedup();
        if !failed.is_empty() {
            self.fault(promise, &format!("on {column} {} failed", failed.join(", ")));
            return "FAILED".into();
        }
        match (passed, ignored) {
            (0, 0) => "not tested".into(),
            (0, _) => "ignored".into(),
            (_, 0) => "pass".into(),
            (_, ignored) => format!("pass, {ignored} ignored"),
        }
    }

    /// The text for a bounded claim. If the claim contains a time, a test must have measured it.
    fn bound(&mut self, promise: &Promise, backend: usize, results: &Results) -> String {
        let measured = promise.tests.iter().find_map(|test| results.measured(test, backend));
        let claim = &promise.claims[backend];
        match measured {
            Some(measured) => format!("bounded, measured: {measured}"),
            None if !claim.contains(" ms") && !claim.contains(" µs") => "bounded".into(),
            None => {
                self.fault(
                    promise,
                    &format!("its bound on {} was not measured, or is not in the file of --bounds", BACKENDS[backend]),
                );
                "bounded, not measured".into()
            }
        }
    }

    fn check_names(&mut self, promise: &Promise, results: &Results) {
        for test in &promise.tests {
            if (0..2).all(|backend| results.outcome(test, backend).is_none()) {
                self.fault(promise, &format!("{test} did not run"));
            }
        }
    }

    fn check_that_all_are_named(&mut self, page: &[Promise], results: &Results) {
        for test in &results.promising {
            if !page.iter().any(|promise| promise.tests.contains(test)) {
                self.faults.push(format!("{test} is not in parity-tests.txt"));
            }
        }
    }
}

/// Whether a claim names a bound.
fn is_bounded(claim: &str) -> bool {
    claim.starts_with("bounded")
}

/// The claim up to the first punctuation mark.
fn first_words(claim: &str) -> &str {
    let ends = [": ", "; ", ". ", ", "];
    let end = ends.iter().filter_map(|end| claim.find(end)).min().unwrap_or(claim.len());
    &claim[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(words: &str, claim: &str, test: &str) -> Promise {
        let claims = [claim.to_owned(), claim.to_owned()];
        Promise { section: String::new(), words: words.to_owned(), claims, tests: vec![test.to_owned()] }
    }

    #[test]
    fn the_summary_counts_each_promise_on_each_backend() {
        let log = "Running conformance/main.rs (target)\n\
            test kernel::expires ... ok\ntest userspace::expires ... FAILED\ntest kernel::differs ... ok\n";
        let page = [promise("a timer expires", "exact", "expires"), promise("a difference", "no pipe", "differs")];
        let report = Report::new(&page, &Results::parse(&[log], ""), &[]);
        let counts = "1 pass, 0 bounded, 1 shown, 0 ignored, 1 without a test, 1 FAILED; faults: 2";
        assert_eq!(report.summary(), format!("2 promises, each on kernel and userspace: {counts}"));
    }

    #[test]
    fn a_failed_test_of_no_promise_is_a_fault() {
        let log = "Running compat.rs (target)\ntest kernel::panics ... FAILED\n";
        let report = Report::new(&[], &Results::parse(&[log], ""), &[]);
        assert_eq!(report.faults, ["failed: compat kernel::panics"]);
    }
}
