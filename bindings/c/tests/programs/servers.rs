//! A client for the servers in C and in Python, which all print the same lines.

use crate::build;
use crate::configurations::Configuration;
use crate::run::{all_of, start, Running};
use libtest_mimic::Failed;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpStream;
use std::process::{ChildStdout, Command};
use std::time::Instant;

/// A running server, and the sums of the counts that it has printed for its three timers.
struct Server {
    running: Running,
    lines: Lines<BufReader<ChildStdout>>,
    start: Instant,
    sums: [u128; 3],
    address: String,
}

/// A line that a server has printed.
enum Line {
    Timer,
    Other(String),
}

impl Server {
    fn start(command: &mut Command) -> Result<Self, Failed> {
        let begin = Instant::now();
        let mut running = start(command)?;
        let lines = BufReader::new(running.child.stdout.take().ok_or("no output")?).lines();
        let mut server = Server { running, lines, start: begin, sums: [0; 3], address: String::new() };
        let first = server.lines.next().ok_or("it printed nothing")??;
        server.address = first.strip_prefix("Listening on ").ok_or(format!("first line: {first}"))?.to_owned();
        Ok(server)
    }

    /// Returns the next line. Adds the counts of timers, and checks that they are not too high.
    fn line(&mut self) -> Result<Line, Failed> {
        let Some(line) = self.lines.next().transpose()? else {
            return Err(format!("it ended\n{}", self.errors()).into());
        };
        let Some((number, count)) = timer_line(&line) else {
            return Ok(Line::Other(line));
        };
        let sum = &mut self.sums[number - 1];
        *sum += count;
        // `start` is before the timers were set, so no more periods can have passed than since
        // `start`.
        if count == 0 || *sum > self.start.elapsed().as_millis() / (20 * number as u128) {
            return Err(format!("{line}: {sum} expirations after {:?}", self.start.elapsed()).into());
        }
        Ok(Line::Timer)
    }

    /// Waits for a line. Lines of timers may come before it.
    fn expect(&mut self, wanted: &str) -> Result<(), Failed> {
        loop {
            match self.line()? {
                Line::Timer => {}
                Line::Other(line) if line == wanted => return Ok(()),
                Line::Other(line) => return Err(format!("{line}, and not: {wanted}").into()),
            }
        }
    }

    /// Waits until each timer has expired `times` more times.
    fn expect_timers(&mut self, times: u128) -> Result<(), Failed> {
        let enough = self.sums.map(|sum| sum + times);
        while (0..3).any(|i| self.sums[i] < enough[i]) {
            if let Line::Other(line) = self.line()? {
                return Err(format!("{line}, and not an expiration").into());
            }
        }
        Ok(())
    }

    /// Ends the server and returns what it has written to standard error.
    fn errors(&mut self) -> String {
        // Fails if the server has already ended.
        let _ = self.running.child.kill();
        self.running.child.stderr.take().and_then(|err| all_of(err).join().ok()).unwrap_or_default()
    }
}

/// Parses `Timer 2 expired 1 times` into the number of the timer and the count.
fn timer_line(line: &str) -> Option<(usize, u128)> {
    let (number, count) = line.strip_prefix("Timer ")?.strip_suffix(" times")?.split_once(" expired ")?;
    let number = number.parse().ok()?;
    (1..=3).contains(&number).then_some((number, count.parse().ok()?))
}

/// Connects two clients, one after the other.
///
/// The first sends an unknown command and leaves. The second stops the server.
pub fn talk(command: &mut Command) -> Result<(), Failed> {
    let mut server = Server::start(command)?;
    server.expect_timers(2)?;
    let mut first = TcpStream::connect(&server.address)?;
    server.expect("Accepted connection")?;
    first.write_all(b"hello\n")?;
    server.expect("Unknown command: hello")?;
    server.expect_timers(1)?;
    drop(first);
    server.expect("Closing connection")?;
    let mut second = TcpStream::connect(&server.address)?;
    server.expect("Accepted connection")?;
    server.expect_timers(1)?;
    second.write_all(b"stop\n")?;
    server.expect("Stopping server")?;
    let status = server.running.end()?;
    match (status.success(), server.errors()) {
        (true, errors) if errors.is_empty() => Ok(()),
        (_, errors) => Err(format!("{status}\n{errors}").into()),
    }
}

pub fn compiled(configuration: &Configuration, source: &'static str) -> Result<(), Failed> {
    talk(configuration.command(&build::program(source, configuration.link)?)?.arg("0"))
}
