//! The parts of the bench, and the choice of lines on the command line.

mod accuracy;
mod burst;
#[path = "../../common/compare.rs"]
mod compare;
mod deadlines;
#[path = "../../common/expire.rs"]
mod expire;
mod forks;
#[path = "../../common/heap.rs"]
mod heap;
mod kernel;
#[path = "../../common/kernel_timers.rs"]
mod kernel_timers;
#[allow(dead_code)] // other benches use the rest
#[path = "../../common/latency.rs"]
mod latency;
mod line;
#[allow(dead_code)] // other benches use the rest
#[path = "../../common/load.rs"]
mod load;
#[path = "../../common/raw.rs"]
mod raw;
mod resources;
mod set;
#[allow(dead_code)] // other benches use the rest
#[path = "../../common/timers.rs"]
mod timers;
mod unread;
#[path = "../../common/usage.rs"]
mod usage;
mod userspace;

use lexopt::prelude::*;
use line::Line;
use std::cell::Cell;

#[global_allocator]
static MEASURED: heap::Measured = heap::Measured;

/// The description of a part, and the function that measures it.
type Part = (&'static str, fn(&Request));

const PARTS: [Part; 8] = [
    ("calls of the kernel backend", kernel::run),
    ("calls of the userspace backend", userspace::run),
    ("accuracy", accuracy::run),
    ("burst", burst::run),
    ("memory, wake-ups, CPU time", resources::run),
    ("wake-ups while other threads fork", forks::run),
    ("unread timers", unread::run),
    ("sets of timers", set::run),
];

const USAGE: &str = "cargo bench --bench versus [-- [--quick] [PART OF A NAME]...]";

/// The arguments of the command line.
#[derive(Default)]
pub struct Request {
    parts: Vec<String>,
    quick: bool,
    /// The number of lines that were printed, or reported as not measured.
    printed: Cell<usize>,
}

impl Request {
    fn from_args() -> Result<Request, lexopt::Error> {
        let mut request = Request::default();
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => request.quick = true,
                // cargo passes this option.
                Long("bench") => {}
                Value(part) => request.parts.push(part.string()?),
                _ => return Err(format!("{}; {USAGE}", arg.unexpected()).into()),
            }
        }
        Ok(request)
    }

    /// Returns whether the command line asks for a line with this name.
    fn wants(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| name.contains(part))
    }

    /// Like `wants`, for a line that needs this number of descriptors.
    ///
    /// Reports on standard error if there are too few.
    fn wants_with(&self, name: &str, descriptors: usize) -> bool {
        let fits = timers::as_many_as_fit(descriptors, 1) == descriptors;
        if self.wants(name) && !fits {
            eprintln!("  NOT MEASURED: {name} takes {descriptors} descriptors");
            self.printed.set(self.printed.get() + 1);
        }
        self.wants(name) && fits
    }

    fn rounds(&self, many: usize) -> usize {
        compare::rounds(many, self.quick)
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
    timers::raise_descriptor_limit();
    println!("{}{}", load::RECORDED, load::text(load::average()));
    for (what, part) in PARTS {
        eprintln!("{what}");
        part(&request);
    }
    if request.printed.get() == 0 {
        return Err(format!("no name has any of these in it: {}", request.parts.join(" ")).into());
    }
    Ok(())
}
