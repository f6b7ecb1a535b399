//! The servers' handling of a client, and their output about it.

use super::commands::{Command, Commands};
use super::timers;
use crate::say;
use nix::libc::{
    EHOSTDOWN, EHOSTUNREACH, EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM, ENOPROTOOPT, EOPNOTSUPP, EPERM,
    EPROTO,
};
use portable_timerfd::TimerFd;
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

/// The consequence of input from a client, for the client or the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stays,
    /// There was no input, or no further input.
    Waits,
    Closes,
    StopsServer,
}

/// The result of accepting a client.
pub enum Accepted<S> {
    Client(S),
    /// The client has gone again, or there is none.
    NoClient,
    /// No descriptor is left. The server should not accept again for a while.
    Full,
}

/// Accepts a client.
pub fn accept(listener: &TcpListener) -> io::Result<Accepted<TcpStream>> {
    accepted(listener, accept_nonblocking(listener))
}

/// Accepts a client without output.
pub fn accept_quietly(listener: &TcpListener) -> io::Result<Accepted<TcpStream>> {
    classified(accept_nonblocking(listener).map(|(client, _)| client))
}

fn accept_nonblocking(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (client, address) = listener.accept()?;
    client.set_nonblocking(true)?;
    Ok((client, address))
}

/// Handles the result of accepting a client, in any loop.
pub fn accepted<S: AsFd>(listener: &impl AsFd, client: io::Result<(S, SocketAddr)>) -> io::Result<Accepted<S>> {
    say!("Accepting connection {}", number(listener));
    match &client {
        Ok((client, address)) => say!("Accepted connection {} from {address}", number(client)),
        Err(e) if is_full(e) => say!("Accepting no connection for a while: {e}"),
        Err(_) => {}
    }
    classified(client.map(|(client, _)| client))
}

/// Returns whether no descriptor, or no memory, is left.
fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS | ENOMEM))
}

/// Returns whether the error concerns only the connection that was not accepted. Linux reports its
/// network errors in this way: see accept(2).
fn is_of_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted)
        || matches!(
            error.raw_os_error(),
            Some(ENETDOWN | EPROTO | ENOPROTOOPT | EHOSTDOWN | EHOSTUNREACH | EOPNOTSUPP | ENETUNREACH | EPERM)
        )
}

/// Handles the result of accepting a client, without output.
fn classified<S>(client: io::Result<S>) -> io::Result<Accepted<S>> {
    match client {
        Ok(client) => Ok(Accepted::Client(client)),
        Err(e) if is_full(&e) => Ok(Accepted::Full),
        Err(e) if is_of_connection(&e) => Ok(Accepted::NoClient),
        Err(e) => Err(e),
    }
}

fn number(source: &impl AsFd) -> i32 {
    source.as_fd().as_raw_fd()
}

/// Reads the input of a client, and executes its commands.
pub fn serve(mut client: impl Read + AsFd, commands: &mut Commands) -> io::Result<Outcome> {
    let mut bytes = [0; 1024];
    let read = client.read(&mut bytes);
    handle_read(&client, &bytes, read, commands)
}

/// Executes the commands in `bytes`, given the result of reading into them, in any loop.
pub fn handle_read(
    client: &impl AsFd,
    bytes: &[u8],
    read: io::Result<usize>,
    commands: &mut Commands,
) -> io::Result<Outcome> {
    say!("Reading data {}", number(client));
    let length = match read {
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(Outcome::Waits),
        // A broken connection is handled like a closed one.
        result => result.unwrap_or(0),
    };
    commands.feed(&bytes[..length]);
    while let Some(command) = commands.next() {
        if execute(&command)? == Outcome::StopsServer {
            return Ok(Outcome::StopsServer);
        }
    }
    if length > 0 {
        return Ok(Outcome::Stays);
    }
    if let Some(command) = commands.rest() {
        execute(&command)?;
    }
    say!("Closing connection {}", number(client));
    Ok(Outcome::Closes)
}

/// Executes the command of a client that has sent no newline and fallen silent.
pub fn serve_silent(commands: &mut Commands) -> io::Result<()> {
    if let Some(command) = commands.when_silent() {
        execute(&command)?;
    }
    Ok(())
}

fn execute(command: &Command) -> io::Result<Outcome> {
    match command {
        Command::Stop => {
            say!("Stopping server");
            Ok(Outcome::StopsServer)
        }
        Command::Unknown(text) => {
            say!("Unknown command: {text}");
            Ok(Outcome::Stays)
        }
    }
}

/// Reads a timer that is ready, and prints its expirations unless `quiet` is set.
pub fn read_timer(number: usize, timer: &TimerFd, quiet: bool) -> io::Result<()> {
    if !quiet {
        say!("Reading timer {}", timer.as_raw_fd());
    }
    match timers::expirations(timer)? {
        Some(count) => print_count(number, count, quiet),
        None => Ok(()),
    }
}

/// Prints the expirations of a timer unless `quiet` is set.
pub fn print_count(number: usize, count: u64, quiet: bool) -> io::Result<()> {
    if !quiet {
        say!("Timer {number} expired {count} times");
    }
    Ok(())
}
