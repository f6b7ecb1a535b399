//! The page: its sections, and in each a table of promises.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What one line of a table promises.
#[derive(Debug, Default)]
pub struct Promise {
    pub section: String,
    pub words: String,
    /// What is claimed of each backend: of the kernel's, of ours.
    pub claims: [String; 2],
    /// The names of the tests that show it.
    pub tests: Vec<String>,
}

/// A line of a table: the text of its cells, and the names of functions among the code in the last one.
#[derive(Default)]
struct Line {
    cells: Vec<String>,
    names: Vec<String>,
}

impl Line {
    fn add(&mut self, text: &str, is_code: bool) {
        let last = self.cells.last_mut().expect("text stands in a cell");
        last.push_str(text);
        if is_code && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            self.names.push(text.to_owned());
        }
    }

    fn promise(self, section: &str) -> Promise {
        let mut cells = self.cells.into_iter();
        let mut next = || cells.next().unwrap_or_default();
        Promise { section: section.to_owned(), words: next(), claims: [next(), next()], tests: self.names }
    }
}

pub fn parse(page: &str) -> Vec<Promise> {
    let (mut promises, mut section, mut in_heading) = (Vec::new(), String::new(), false);
    let mut line: Option<Line> = None;
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => (in_heading, section) = (true, String::new()),
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(text) if in_heading => section.push_str(&text),
            Event::Start(Tag::TableRow) => line = Some(Line::default()),
            Event::Start(Tag::TableCell) => {
                if let Some(line) = &mut line {
                    line.cells.push(String::new());
                    // Only those of the last cell are tests.
                    line.names.clear();
                }
            }
            Event::Text(text) => line.iter_mut().for_each(|line| line.add(&text, false)),
            Event::Code(text) => line.iter_mut().for_each(|line| line.add(&text, true)),
            Event::End(TagEnd::TableRow) => promises.extend(line.take().map(|line| line.promise(&section))),
            _ => {}
        }
    }
    promises
}
