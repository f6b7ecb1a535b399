//! Makes tables of the output of one or several runs of `cargo bench --bench versus`.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::compare::percentile;
use crate::load;
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

/// The runs, by operation.
pub struct Runs {
    lines: Vec<Line>,
    /// The load average at the start of each run, if the run has recorded it.
    loads: Vec<Option<f64>>,
}

impl Runs {
    pub fn read(files: &[PathBuf]) -> Result<Runs, Box<dyn Error>> {
        let mut runs = Runs { lines: Vec::new(), loads: Vec::new() };
        for file in files {
            runs.add(&text(file)?);
        }
        if runs.lines.is_empty() {
            return Err("no line of these files is one of `versus`".into());
        }
        Ok(runs)
    }

    fn add(&mut self, text: &str) {
        let load = text.lines().find_map(|line| line.strip_prefix(load::RECORDED)?.trim().parse().ok());
        self.loads.push(load);
        for (name, bar, run) in text.lines().filter_map(parse) {
            match self.lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.runs.push(run),
                None => self.lines.push(Line { name, bar, runs: vec![run] }),
            }
        }
    }

    pub fn loads(&self) -> &[Option<f64>] {
        &self.loads
    }

    /// Returns the names of the operations that miss their bar in a run.
    pub fn missed(&self) -> Vec<&str> {
        let is_missed = |line: &&Line| line.runs.iter().any(|run| run.verdict == "miss");
        self.lines.iter().filter(is_missed).map(|line| line.name.as_str()).collect()
    }

    /// Returns the parts of the page for which there are lines: one for sets of timers, and one for
    /// all other operations.
    pub fn reports(&self) -> Vec<(&'static str, Report)> {
        let is_set = |line: &&Line| line.name.starts_with("set.");
        let (sets, others): (Vec<&Line>, Vec<&Line>) = self.lines.iter().partition(is_set);
        let parts = [("versus", others), ("sets", sets)];
        let parts = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
        parts.map(|(part, lines)| (part, self.report(&lines))).collect()
    }

    fn report(&self, lines: &[&Line]) -> Report {
        let head = ["operation", "ours", "other", "ratio", "bar", "verdict"];
        let rows: Vec<Vec<String>> = lines.iter().map(|line| line.cells()).collect();
        Report(vec![Block::Text(self.note()), Block::Text(table(&head, &rows))])
    }

    fn note(&self) -> String {
        let of = match self.loads.len() {
            1 => "Of one run".to_owned(),
            runs => format!("Medians of {runs} runs, with the verdict of each run"),
        };
        let loads = self.loads.iter().map(|&load| load::text(load)).collect::<Vec<_>>().join(", ");
        format!(
            "{of}. In nanoseconds, unless the name says otherwise. A bar limits the ratio, or the figure if there is \
             none. Load average at the start: {loads}."
        )
    }
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
