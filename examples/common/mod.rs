//! Shared by the examples: the command line, errors on one line, and the servers' clients.
#![allow(dead_code)] // No example needs all of it.

pub mod client;
pub mod commands;
pub mod limits;
pub mod timers;

use portable_timerfd::{Backend, Clock, TimerFd};
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

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
    /// How long a client may send nothing.
    pub idle: Duration,
    /// How long the clients may stay after a request to stop.
    pub grace: Duration,
    /// Hides the lines that a server prints most often: those about expirations, or in
    /// `keepalive_server` those about clients.
    pub quiet: bool,
}

impl Default for Options {
    fn default() -> Options {
        let (idle, grace) = (Duration::from_secs(5), Duration::from_secs(5));
        Options { backend: None, address: String::from("127.0.0.1:1234"), idle, grace, quiet: false }
    }
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
    /// Also `--quiet`, as each server does.
    BackendAndAddress,
    /// Also the durations of `keepalive_server`.
    BackendAddressAndTimeouts,
}

impl Takes {
    fn arguments(self) -> &'static str {
        match self {
            Takes::Backend => "[--backend kernel|userspace]",
            Takes::BackendAndAddress => "[--backend kernel|userspace] [--quiet] [ADDRESS]",
            Takes::BackendAddressAndTimeouts => {
                "[--backend kernel|userspace] [--idle SECONDS] [--grace SECONDS] [--quiet] [ADDRESS]"
            }
        }
    }
}

/// Runs an example: parses the command line, and turns an error into one line and an exit status.
pub fn main(takes: Takes, run: impl FnOnce(&Options) -> io::Result<()>) -> ExitCode {
    let name = program_name();
    let usage = format!("usage: {name} {}", takes.arguments());
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
    let mut options = Options::default();
    let is_server = takes != Takes::Backend;
    let has_timeouts = takes == Takes::BackendAddressAndTimeouts;
    let mut addresses = 0;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("backend") => options.backend = Some(arguments.value()?.parse()?),
            Long("idle") if has_timeouts => options.idle = arguments.value()?.parse_with(seconds)?,
            Long("grace") if has_timeouts => options.grace = arguments.value()?.parse_with(seconds)?,
            Long("quiet") if is_server => options.quiet = true,
            Long("help") | Short('h') => return Ok(None),
            Value(address) if is_server && addresses == 0 => {
                options.address = address.string()?;
                addresses += 1;
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

/// Parses a number of seconds, which may have a fraction.
fn seconds(text: &str) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
