//! Writes the page: page.md with the parts inserted.
//!
//! The figures of each part are stored in their own file, so that one part can be measured again
//! without the others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = include_str!("page.md");
const PARTS: [&str; 5] = ["latency", "versus", "sets", "scale", "soak"];
/// The heading of the section that explains each missed bar.
const EXPLAINED: &str = "### Missed bars";

/// The texts and pictures of a part, in the order of the page.
pub struct Report(pub Vec<Block>);

pub enum Block {
    Text(String),
    Picture { name: &'static str, what: &'static str, svg: String },
}

/// Returns the folder of the page.
pub fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Writes the report of a part, with the line `below` under each picture, and then the page.
pub fn keep(docs: &Path, part: &str, report: &Report, below: &str) -> io::Result<()> {
    let folder = docs.join("performance");
    fs::create_dir_all(&folder)?;
    let mut text = Vec::new();
    for block in &report.0 {
        match block {
            Block::Text(words) => text.push(words.trim_end().to_owned()),
            Block::Picture { name, what, svg } => {
                fs::write(folder.join(format!("{name}.svg")), svg)?;
                text.push(format!("![{what}](performance/{name}.svg)\n\n*{below}*"));
            }
        }
    }
    if !report.0.iter().any(|block| matches!(block, Block::Picture { .. })) {
        text.push(format!("*{below}*"));
    }
    fs::write(folder.join(format!("{part}.md")), text.join("\n\n") + "\n")?;
    eprintln!("  written: {part}");
    write(docs)
}

/// Writes the page from its template and the parts.
pub fn write(docs: &Path) -> io::Result<()> {
    fs::write(docs.join("performance.md"), assembled(&docs.join("performance"))?)
}

fn assembled(folder: &Path) -> io::Result<String> {
    let mut page = TEMPLATE.to_owned();
    for part in PARTS {
        let text = match fs::read_to_string(folder.join(format!("{part}.md"))) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => "Not measured yet.".to_owned(),
            text => text?,
        };
        let lines: Vec<String> = text.trim_end().lines().map(wrapped).collect();
        page = page.replace(&format!("{{{{{part}}}}}"), &lines.join("\n"));
    }
    Ok(page)
}

/// Breaks a line of prose at 100 columns.
fn wrapped(line: &str) -> String {
    if line.starts_with(['|', '!']) {
        return line.to_owned();
    }
    let (mut text, mut column) = (String::new(), 0);
    for word in line.split(' ') {
        let width = word.chars().count();
        if column > 0 {
            let fits = column + 1 + width <= 100;
            text.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        text.push_str(word);
        column += width;
    }
    text
}

/// Returns an error that names the missed bars that the page does not explain.
///
/// An explanation names a line in a code span, whole or up to a `*`.
pub fn check_explained(missed: &[&str]) -> Result<(), String> {
    let section = TEMPLATE.split_once(EXPLAINED).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or("");
    let names: Vec<&str> = section.split('`').skip(1).step_by(2).collect();
    let is_explained = |line: &str| {
        names.iter().any(|name| name.strip_suffix('*').map_or(*name == line, |start| line.starts_with(start)))
    };
    let left: Vec<&str> = missed.iter().copied().filter(|line| !is_explained(line)).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(format!("written, but \"{EXPLAINED}\" in benches/pictures/page.md does not explain: {}", left.join(", ")))
}

/// Returns a Markdown table. The first column has words and the others have figures.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let rule = format!("|---|{}\n", "--:|".repeat(head.len() - 1));
    line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// Formats a number without a fraction, with separators of thousands.
pub fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    let sign = if number <= -0.5 { "-" } else { "" };
    sign.to_owned() + &groups.join(",")
}

/// Formats a number with three digits, or without a fraction if it has more.
pub fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 99.95 => whole(number),
        size if size >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}
