//! The lists of `docs/sandboxes.md`.

use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../docs/sandboxes.md");

pub type Names = BTreeSet<String>;

/// The system calls of one operation.
#[derive(Debug, Default)]
pub struct Calls {
    pub always: Names,
    pub sometimes: Names,
}

/// Returns the operations in the table under the heading that begins with this text.
pub fn table(heading: &str) -> BTreeMap<&'static str, Calls> {
    let section = PAGE.split("\n##").find(|section| section.trim_start_matches(['#', ' ']).starts_with(heading));
    let lines = section.unwrap_or_else(|| panic!("the page has no section {heading}")).lines();
    let rows = lines.filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    rows.skip(1).map(row).collect()
}

fn row(line: &'static str) -> (&'static str, Calls) {
    let [operation, always, sometimes] =
        line.split('|').map(str::trim).collect::<Vec<_>>().try_into().expect("a row has three cells");
    (operation, Calls { always: names(always), sometimes: names(sometimes) })
}

fn names(cell: &str) -> Names {
    cell.split('`').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
