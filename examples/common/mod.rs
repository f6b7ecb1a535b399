//! Shared by the examples: the command line, errors on one line, and the servers' clients.
#![allow(dead_code)] // No example needs all of it.

pub mod client;
pub mod commands;
pub mod timers;

use portable_timerfd::{Backend, Clock, TimerFd};
use std::fmt::Display;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

/// Prints a line. Unlike `println!`, it returns an error if the output is closed.
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => { std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($part)*)))? };
}

/// The options of the command line.
pub struct Options {
    /// The backend named by `--backend`; `None` means the one that `TimerFd` selects.
    pub backend: Option<Backend>,
    /// The address to listen on.
    pub address: String,
}

impl Options {
    /// Creates a disarmed timer of the chosen backend.
    pub fn open(&self, clock: Clock, nonblocking: bool) -> io::Result<TimerFd> {
        open(self.backend, clock, nonblocking)
    }

    /// Creates the socket on which a server accepts clients, and prints its address.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let refused = |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {}: {e}", self.address));
        let listener = TcpListener::bind(&self.address).map_err(refused)?;
        listener.set_nonblocking(true)?;
        say!("Listening on {}", listener.local_addr()?);
        Ok(listener)
    }
}

/// Creates a disarmed timer of this backend, or of the backend that `TimerFd` selects.
pub fn open(backend: Option<Backend>, clock: Clock, nonblocking: bool) -> io::Result<TimerFd> {
    let builder = TimerFd::builder(clock).nonblocking(nonblocking);
    match backend {
        Some(backend) => builder.backend(backend).open(),
        None => builder.open(),
    }
    .map_err(|e| io::Error::new(e.kind(), format!("cannot make a timer: {e}")))
}

/// The arguments that an example accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Backend,
    BackendAndAddress,
}

/// Runs an example: parses the command line, and turns an error into one line and an exit status.
pub fn main(takes: Takes, run: impl FnOnce(&Options) -> io::Result<()>) -> ExitCode {
    let name = program_name();
    let usage = match takes {
        Takes::Backend => format!("usage: {name} [--backend kernel|userspace]"),
        Takes::BackendAndAddress => format!("usage: {name} [--backend kernel|userspace] [ADDRESS]"),
    };
    let report_error = |status: u8, what: &dyn Display| {
        // If the error output is closed, the exit status still reports the error.
        let _ = writeln!(io::stderr(), "{name}: {what}");
        ExitCode::from(status)
    };
    match parse(takes) {
        Err(e) => report_error(2, &format_args!("{e}; {usage}")),
        Ok(None) => {
            let _ = writeln!(io::stdout(), "{usage}");
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => report_error(1, &e),
        },
    }
}

fn program_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    std::path::Path::new(&path).file_name().unwrap_or(&path).to_string_lossy().into_owned()
}

/// Returns the options, or `None` if only help was requested.
fn parse(takes: Takes) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let mut options = Options { backend: None, address: String::from("127.0.0.1:1234") };
    let mut addresses = 0;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("backend") => options.backend = Some(arguments.value()?.parse()?),
            Long("help") | Short('h') => return Ok(None),
            Value(address) if takes == Takes::BackendAndAddress && addresses == 0 => {
                options.address = address.string()?;
                addresses += 1;
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}
