//! Measures the accuracy and the cost of timers, and writes docs/performance.md with its pictures.
//!
//! Usage: `cargo bench --bench pictures [-- OPTION|PART...]`. A part is `lateness`, `scale` or
//! `soak`. Without a part, all are measured. The figures of the other parts stay in the page.
//! Options:
//!
//! - `--quick` takes few measurements and soaks for ten seconds, for a trial.
//! - `--soak-seconds N` sets the length of the soak.
//! - `--to FOLDER` writes everything to this folder instead of docs.
//! - `--versus FILE`, once for each run, reads the output of `cargo bench --bench versus` (`-` is
//!   standard input). Nothing is measured then, unless parts are named too.

#[path = "../../tests/common/allocator.rs"]
mod allocator;
mod axis;
#[path = "../common/compare.rs"]
mod compare;
#[path = "../common/expire.rs"]
mod expire;
mod lateness;
mod machine;
mod page;
mod plot;
// The module's tests run with the library.
#[path = "../common/latency.rs"]
mod latency;
#[allow(dead_code, unused_imports)]
#[path = "../../backends/emulation/queue.rs"]
mod queue;
mod queue_alone;
mod scale;
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
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// The arguments of the command line.
#[derive(Default)]
pub struct Request {
    parts: Vec<String>,
    quick: bool,
    soak_seconds: Option<u64>,
    versus: Vec<PathBuf>,
    /// The folder for the page, if it is not docs.
    to: Option<PathBuf>,
    /// The backend that this process has to soak, if the soak has started it.
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
                // cargo passes this option.
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
        compare::rounds(many, self.quick)
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
    timers::raise_descriptor_limit();
    if let Some(backend) = &request.soaker {
        return soaker::run(backend, request.soak_seconds());
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
