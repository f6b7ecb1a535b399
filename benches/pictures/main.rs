//! Measures what timers give and cost, and writes docs/performance.md with its pictures.
//!
//! `cargo bench --bench pictures [-- OPTION|PART...]`, where a part is `lateness`, `scale` or `soak`; all of them, if none is
//! named. The others' figures in the page stay as they were. `--quick` takes few measurements and ten seconds' soak, for trying.
//! `--soak-seconds N` says how long the soak is to be, and `--to FOLDER` where all of it goes instead of docs. `--versus FILE`,
//! once for each run, takes what `cargo bench --bench versus` printed (`-` is the standard input), and nothing is measured unless
//! parts are named too.

#[path = "../../tests/common/allocator.rs"]
mod allocator;
mod axis;
#[path = "../common/contest.rs"]
mod contest;
#[path = "../common/expire.rs"]
mod expire;
mod lateness;
mod machine;
mod page;
mod plot;
// Its tests run with the library's.
#[allow(dead_code, unused_imports)]
#[path = "../../backends/emulation/queue.rs"]
mod queue;
mod queue_alone;
#[allow(dead_code)] // timers that are armed at once, which other benches want
#[path = "../common/rows.rs"]
mod rows;
mod scale;
#[path = "../common/shots.rs"]
mod shots;
mod soak;
mod soaker;
#[path = "../common/usage.rs"]
mod usage;
mod versus;

use lexopt::prelude::*;
use page::Report;
use std::error::Error;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// What the command line asks for.
#[derive(Default)]
pub struct Request {
    parts: Vec<String>,
    quick: bool,
    soak_seconds: Option<u64>,
    versus: Vec<PathBuf>,
    /// Where the page is to be written, if not to docs.
    to: Option<PathBuf>,
    /// The row that this process, started by the soak, is to soak.
    soaker: Option<String>,
}

type Part = (&'static str, fn(&Request) -> Result<Report, Box<dyn Error>>);

const PARTS: [Part; 3] = [("lateness", lateness::run), ("scale", scale::run), ("soak", soak::run)];

const USAGE: &str =
    "cargo bench --bench pictures [-- [--quick] [--soak-seconds N] [--to FOLDER] [--versus FILE]... [PART]...]";

impl Request {
    fn from_args() -> Result<Request, lexopt::Error> {
        let mut request = Request::default();
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => request.quick = true,
                Long("soak-seconds") => request.soak_seconds = Some(args.value()?.parse()?),
                Long("soaker") => request.soaker = Some(args.value()?.string()?),
                Long("to") => request.to = Some(args.value()?.into()),
                Long("versus") => request.versus.push(args.value()?.into()),
                // cargo's own word.
                Long("bench") => {}
                Value(part) => request.parts.push(known(part.string()?)?),
                _ => return Err(format!("{}; {USAGE}", arg.unexpected()).into()),
            }
        }
        Ok(request)
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.iter().any(|wanted| wanted == part) || (self.parts.is_empty() && self.versus.is_empty())
    }

    fn soak_seconds(&self) -> u64 {
        self.soak_seconds.unwrap_or(if self.quick { 10 } else { 600 })
    }

    fn rounds(&self, many: usize) -> usize {
        contest::rounds(many, self.quick)
    }
}

fn known(part: String) -> Result<String, lexopt::Error> {
    if PARTS.iter().any(|(name, _)| *name == part) {
        Ok(part)
    } else {
        Err(format!("there is no part {part:?}; there are lateness, scale, soak").into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let request = Request::from_args()?;
    rows::raise_the_limit_of_descriptors();
    if let Some(row) = &request.soaker {
        return soaker::run(row, request.soak_seconds());
    }
    let below = machine::described(request.quick);
    let docs = request.to.clone().unwrap_or_else(page::docs);
    if !request.versus.is_empty() {
        page::keep(&docs, "versus", &versus::report(&request.versus)?, &below)?;
    }
    for (name, run) in PARTS.into_iter().filter(|(name, _)| request.wants(name)) {
        eprintln!("{name}:");
        page::keep(&docs, name, &run(&request)?, &below)?;
    }
    Ok(())
}
