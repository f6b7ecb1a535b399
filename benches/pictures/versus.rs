//! Makes a table of the output of one or several runs of `cargo bench --bench versus`.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::compare::percentile;
use crate::page::{short, table, Block, Report};

/// An operation in all runs.
struct Line {
    name: String,
    bar: String,
    runs: Vec<Run>,
}

/// The operation in one run. If the bar is an absolute figure, there is no other and no ratio.
struct Run {
    ours: f64,
    other: Option<f64>,
    ratio: Option<f64>,
    verdict: String,
}

pub fn report(files: &[PathBuf]) -> Result<Report, Box<dyn Error>> {
    let mut lines: Vec<Line> = Vec::new();
    for file in files {
        let text = text(file)?;
        for (name, bar, run) in text.lines().filter_map(parse) {
            match lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.runs.push(run),
                None => lines.push(Line { name, bar, runs: vec![run] }),
            }
        }
    }
    if lines.is_empty() {
        return Err("no line of these files is one of `versus`".into());
    }
    let head = ["operation", "ours", "other", "ratio", "bar", "verdict"];
    let rows: Vec<Vec<String>> = lines.iter().map(Line::cells).collect();
    Ok(Report(vec![Block::Text(note(files.len())), Block::Text(table(&head, &rows))]))
}

fn note(runs: usize) -> String {
    let of = if runs == 1 {
        "Of one run".to_owned()
    } else {
        format!("Medians of {runs} runs, with the verdict of each run")
    };
    format!(
        "{of}. In nanoseconds, unless the name says otherwise. A bar limits the ratio, or the figure if there is none."
    )
}

fn text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file)?;
    }
    Ok(text)
}

/// Returns the name, the bar and the result in a line, or `None` for other programs' lines.
fn parse(line: &str) -> Option<(String, String, Run)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, ours, other, ratio, bar, verdict @ ("pass" | "miss")] = fields[..] else { return None };
    let run = Run {
        ours: ours.parse().ok()?,
        other: other.parse().ok(),
        ratio: ratio.parse().ok(),
        verdict: verdict.to_owned(),
    };
    Some((name.to_owned(), bar.to_owned(), run))
}

impl Line {
    fn cells(&self) -> Vec<String> {
        let median = |value: &dyn Fn(&Run) -> Option<f64>| {
            let values: Vec<f64> = self.runs.iter().filter_map(value).collect();
            (!values.is_empty()).then(|| percentile(values, 50.0))
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            format!("`{}`", self.name),
            or_dash(median(&|run| Some(run.ours)).map(short)),
            or_dash(median(&|run| run.other).map(short)),
            or_dash(median(&|run| run.ratio).map(|ratio| format!("{ratio:.3}"))),
            self.bar.clone(),
            self.runs.iter().map(|run| run.verdict.as_str()).collect::<Vec<_>>().join(", "),
        ]
    }
}
