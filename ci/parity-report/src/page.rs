//! Parses `docs/parity.md`: its sections, each with a table of promises.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The promise of one table row.
#[derive(Debug, Default)]
pub struct Promise {
    pub section: String,
    pub words: String,
    /// The claims for the kernel and the userspace backend.
    pub claims: [String; 2],
    /// The names of its tests, from `docs/parity-tests.txt`.
    pub tests: Vec<String>,
}

impl Promise {
    fn new(section: &str, cells: Vec<String>) -> Promise {
        let mut cells = cells.into_iter();
        let mut next = || cells.next().unwrap_or_default();
        Promise { section: section.to_owned(), words: next(), claims: [next(), next()], tests: vec![] }
    }
}

pub fn parse(page: &str) -> Vec<Promise> {
    let (mut promises, mut section, mut in_heading) = (Vec::new(), String::new(), false);
    let mut cells: Option<Vec<String>> = None;
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => (in_heading, section) = (true, String::new()),
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(text) if in_heading => section.push_str(&text),
            Event::Start(Tag::TableRow) => cells = Some(Vec::new()),
            Event::Start(Tag::TableCell) => cells.iter_mut().for_each(|cells| cells.push(String::new())),
            Event::Text(text) | Event::Code(text) => {
                cells.iter_mut().filter_map(|cells| cells.last_mut()).for_each(|cell| cell.push_str(&text));
            }
            Event::End(TagEnd::TableRow) => promises.extend(cells.take().map(|cells| Promise::new(&section, cells))),
            _ => {}
        }
    }
    promises
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_promise_with_two_claims() {
        let page =
            "## Counts\n\n| promise | kernel | userspace |\n|---|---|---|\n| `read` counts | exact | bounded: 1 ms |\n";
        let [promise] = parse(page).try_into().unwrap();
        assert_eq!((promise.section.as_str(), promise.words.as_str()), ("Counts", "read counts"));
        assert_eq!(promise.claims, ["exact", "bounded: 1 ms"]);
    }
}
