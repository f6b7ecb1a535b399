//! Writes the page: page.md with the parts inserted.
//!
//! The figures of each part are stored in their own file, so that one part can be measured again
//! without the others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = include_str!("page.md");
const PARTS: [&str; 4] = ["lateness", "versus", "scale", "soak"];

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
    fs::write(docs.join("performance.md"), assembled(&folder)?)?;
    eprintln!("  written: performance.md, with {part}");
    Ok(())
}

fn assembled(folder: &Path) -> io::Result<String> {
    let mut page = TEMPLATE.to_owned();
    for part in PARTS {
        let text = match fs::read_to_string(folder.join(format!("{part}.md"))) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => "Not measured yet.".to_owned(),
            text => text?,
        };
        page = page.replace(&format!("{{{{{part}}}}}"), text.trim_end());
    }
    Ok(page)
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
