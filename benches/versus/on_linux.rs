//! Our timers beside others', in one run: a line an operation.

#[path = "burst.rs"]
mod burst;
#[path = "../common/contest.rs"]
mod contest;
#[path = "../common/heap.rs"]
mod heap;
#[path = "kernel.rs"]
mod kernel;
#[path = "line.rs"]
mod line;
#[path = "punctuality.rs"]
mod punctuality;
#[path = "../common/raw.rs"]
mod raw;
#[path = "resources.rs"]
mod resources;
#[path = "../common/rivals.rs"]
mod rivals;
#[path = "../common/shots.rs"]
mod shots;
#[path = "userspace.rs"]
mod userspace;

use lexopt::prelude::*;
use line::Line;
use nix::sys::resource::{getrlimit, setrlimit, Resource};

#[global_allocator]
static MEASURED: heap::Measured = heap::Measured;

/// What the command line asks for.
pub struct Request {
    parts: Vec<String>,
    quick: bool,
}

impl Request {
    fn from_args() -> Result<Request, lexopt::Error> {
        let mut request = Request { parts: Vec::new(), quick: false };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => request.quick = true,
                // cargo's own word.
                Long("bench") => {}
                Value(part) => request.parts.push(part.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(request)
    }

    /// Whether a line of this name is asked for.
    fn wants(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| name.contains(part))
    }

    /// How often to measure: a quick run does with a fifth.
    fn rounds(&self, many: usize) -> usize {
        if self.quick {
            many / 5
        } else {
            many
        }
    }

    fn print(&self, name: String, ours: f64, other: Option<f64>, bar: f64) {
        if self.wants(&name) {
            Line { name, ours, other, bar }.print();
        }
    }
}

/// Room for the descriptors of ten thousand timers, if the system lets us have it.
fn raise_the_limit_of_descriptors() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("as high as allowed");
    }
}

pub fn run() -> Result<(), lexopt::Error> {
    let request = Request::from_args()?;
    raise_the_limit_of_descriptors();
    for part in [kernel::run, userspace::run, punctuality::run, burst::run, resources::run] {
        part(&request);
    }
    Ok(())
}
