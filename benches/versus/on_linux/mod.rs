//! What is measured, and what of it the command line asks for.

mod burst;
#[path = "../../common/contest.rs"]
mod contest;
#[path = "../../common/expire.rs"]
mod expire;
mod forks;
#[path = "../../common/heap.rs"]
mod heap;
mod kernel;
mod line;
mod punctuality;
#[path = "../../common/raw.rs"]
mod raw;
mod resources;
#[path = "../../common/rivals.rs"]
mod rivals;
#[allow(dead_code)] // what the pictures have besides
#[path = "../../common/rows.rs"]
mod rows;
#[allow(dead_code)] // the same
#[path = "../../common/shots.rs"]
mod shots;
mod unread;
#[path = "../../common/usage.rs"]
mod usage;
mod userspace;

use lexopt::prelude::*;
use line::Line;
use std::cell::Cell;

#[global_allocator]
static MEASURED: heap::Measured = heap::Measured;

/// What is measured, and what measures it.
type Part = (&'static str, fn(&Request));

const PARTS: [Part; 7] = [
    ("the kernel row's calls", kernel::run),
    ("the userspace row's calls", userspace::run),
    ("punctuality", punctuality::run),
    ("a burst", burst::run),
    ("memory, wake-ups, processor time", resources::run),
    ("beside threads that fork", forks::run),
    ("beside unread timers", unread::run),
];

const USAGE: &str = "cargo bench --bench versus [-- [--quick] [PART OF A NAME]...]";

/// What the command line asks for.
#[derive(Default)]
pub struct Request {
    parts: Vec<String>,
    quick: bool,
    /// How many lines there were, or were said not to be.
    printed: Cell<usize>,
}

impl Request {
    fn from_args() -> Result<Request, lexopt::Error> {
        let mut request = Request::default();
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => request.quick = true,
                // cargo's own word.
                Long("bench") => {}
                Value(part) => request.parts.push(part.string()?),
                _ => return Err(format!("{}; {USAGE}", arg.unexpected()).into()),
            }
        }
        Ok(request)
    }

    /// Whether a line of this name is asked for.
    fn wants(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| name.contains(part))
    }

    /// The same, of one that takes so many descriptors: if there are too few it says so.
    fn wants_with(&self, name: &str, descriptors: usize) -> bool {
        let fits = rows::as_many_as_fit(descriptors, 1) == descriptors;
        if self.wants(name) && !fits {
            eprintln!("  NOT MEASURED: {name} takes {descriptors} descriptors");
            self.printed.set(self.printed.get() + 1);
        }
        self.wants(name) && fits
    }

    fn rounds(&self, many: usize) -> usize {
        contest::rounds(many, self.quick)
    }

    fn print(&self, name: String, ours: f64, other: Option<f64>, bar: f64) {
        if self.wants(&name) {
            Line { name, ours, other, bar }.print();
            self.printed.set(self.printed.get() + 1);
        }
    }
}

pub fn run() -> Result<(), lexopt::Error> {
    let request = Request::from_args()?;
    rows::raise_the_limit_of_descriptors();
    for (what, part) in PARTS {
        eprintln!("{what}");
        part(&request);
    }
    if request.printed.get() == 0 {
        return Err(format!("no name has any of these in it: {}", request.parts.join(" ")).into());
    }
    Ok(())
}
