//! Our timers beside others', in one run: a line an operation.
//!
//! `cargo bench --bench versus [-- [--quick] [PART OF A NAME]...]` prints, separated by tabs, the name, what it takes us and
//! what it takes the other (nanoseconds, if the name says nothing else), the ratio, the bar for it, and `pass` or `miss`.

#[path = "../common/contest.rs"]
mod contest;
mod kernel;
mod line;
#[path = "../common/raw.rs"]
mod raw;
#[path = "../common/rivals.rs"]
mod rivals;
mod userspace;

use lexopt::prelude::*;
use line::Line;
use nix::sys::resource::{getrlimit, setrlimit, Resource};

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

fn main() -> Result<(), lexopt::Error> {
    let request = Request::from_args()?;
    raise_the_limit_of_descriptors();
    for part in [kernel::run, userspace::run] {
        part(&request);
    }
    Ok(())
}
