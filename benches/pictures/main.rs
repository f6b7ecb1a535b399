//! Measures the accuracy and the cost of timers, and writes docs/performance.md with its pictures.
//!
//! Usage: `cargo bench --bench pictures [-- OPTION|PART...]`. A part is `latency`, `scale` or
//! `soak`. Without a part, all are measured. The figures of the other parts stay in the page.
//! Options:
//!
//! - `--quick` takes few measurements and soaks for ten seconds, for a trial.
//! - `--despite-load` measures although the load average says that the machine is busy.
//! - `--soak-seconds N` sets the length of the soak.
//! - `--page` only writes the page again, after an edit of `page.md`.
//! - `--to FOLDER` writes everything to this folder instead of docs.
//! - `--versus FILE`, once for each run, reads the output of `cargo bench --bench versus` (`-` is
//!   standard input). Nothing is measured then, unless parts are named too.

mod accuracy;
#[path = "../../tests/common/allocator.rs"]
mod allocator;
mod axis;
mod bars;
mod busy;
#[path = "../common/compare.rs"]
mod compare;
#[path = "../common/expire.rs"]
mod expire;
#[allow(dead_code)] // other benches use the rest
#[path = "../common/latency.rs"]
mod latency;
#[path = "../common/load.rs"]
mod load;
mod machine;
mod page;
mod plot;
// The module's tests run with the library.
#[allow(dead_code, unused_imports)]
#[path = "../../backends/emulation/queue.rs"]
mod queue;
mod queue_alone;
mod scale;
mod scheme;
mod soak;
mod soaker;
#[allow(dead_code)] // other benches use the rest
#[path = "../common/timers.rs"]
mod timers;
#[path = "../common/usage.rs"]
mod usage;
mod versus;

use lexopt::prelude::*;
use page::Report;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// The arguments of the command line.
#[derive(Default)]
pub struct Request {
    parts: Vec<String>,
    quick: bool,
    despite_load: bool,
    /// Measures nothing.
    page: bool,
    soak_seconds: Option<u64>,
    versus: Vec<PathBuf>,
    /// The folder for the page, if it is not docs.
    to: Option<PathBuf>,
    /// The backend that this process has to soak, if the soak has started it.
    soaker: Option<String>,
    /// The number of threads that this process has to keep busy, if another part has started it.
    busy: Option<usize>,
}

type Part = (&'static str, fn(&Request) -> Result<Report, Box<dyn Error>>);

const PARTS: [Part; 3] = [("latency", accuracy::run), ("scale", scale::run), ("soak", soak::run)];

const USAGE: &str = "cargo bench --bench pictures [-- [--quick] [--despite-load] [--page] [--soak-seconds N] \
     [--to FOLDER] [--versus FILE]... [PART]...]";

impl Request {
    fn from_args() -> Result<Request, lexopt::Error> {
        let mut request = Request::default();
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => request.quick = true,
                Long("despite-load") => request.despite_load = true,
                Long("page") => request.page = true,
                Long("busy") => request.busy = Some(args.value()?.parse()?),
                Long("soak-seconds") => request.soak_seconds = Some(args.value()?.parse()?),
                Long("soaker") => request.soaker = Some(args.value()?.string()?),
                Long("to") => request.to = Some(args.value()?.into()),
                Long("versus") => request.versus.push(args.value()?.into()),
                // cargo passes this option.
                Long("bench") => {}
                Value(part) => request.parts.push(known(part.string()?)?),
                _ => return Err(format!("{}; {USAGE}", arg.unexpected()).into()),
            }
        }
        Ok(request)
    }

    fn wants(&self, part: &str) -> bool {
        let is_all = self.parts.is_empty() && self.versus.is_empty() && !self.page;
        is_all || self.parts.iter().any(|wanted| wanted == part)
    }

    fn soak_seconds(&self) -> u64 {
        self.soak_seconds.unwrap_or(if self.quick { 10 } else { 600 })
    }

    fn rounds(&self, many: usize) -> usize {
        compare::rounds(many, self.quick)
    }
}

fn known(part: String) -> Result<String, lexopt::Error> {
    if PARTS.iter().any(|(name, _)| *name == part) {
        Ok(part)
    } else {
        Err(format!("there is no part {part:?}; there are latency, scale, soak").into())
    }
}

fn main() -> ExitCode {
    match Request::from_args().map_err(Into::into).and_then(|request| run(&request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(request: &Request) -> Result<(), Box<dyn Error>> {
    timers::raise_descriptor_limit();
    match (request.busy, &request.soaker) {
        (Some(threads), _) => Ok(busy::run(threads)?),
        (None, Some(backend)) => soaker::run(backend, request.soak_seconds()),
        (None, None) => publish(request),
    }
}

/// Measures the parts and writes the page.
fn publish(request: &Request) -> Result<(), Box<dyn Error>> {
    let parts: Vec<Part> = PARTS.into_iter().filter(|(name, _)| request.wants(name)).collect();
    let average = load::average();
    if !parts.is_empty() {
        load::check(average, request.despite_load)?;
    }
    let docs = request.to.clone().unwrap_or_else(page::docs);
    let machine = machine::described(request.quick);
    if request.page {
        page::write(&docs)?;
    }
    if !request.versus.is_empty() {
        keep_versus(request, &docs, &machine)?;
    }
    let below = format!("{machine}; load average {} at the start", load::text(average));
    for (name, run) in parts {
        eprintln!("{name}:");
        page::keep(&docs, name, &run(request)?, &below)?;
    }
    Ok(())
}

/// Writes the tables of the runs of `versus`, and the pages.
fn keep_versus(request: &Request, docs: &Path, machine: &str) -> Result<(), Box<dyn Error>> {
    let runs = versus::Runs::read(&request.versus)?;
    runs.loads().iter().try_for_each(|&average| load::check(average, request.despite_load))?;
    for (part, report) in runs.reports() {
        page::keep(docs, part, &report, machine)?;
    }
    Ok(page::check_explained(&runs.missed())?)
}
