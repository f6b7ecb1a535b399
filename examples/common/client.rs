//! What the servers do for a client, and what they print about it.

use super::commands::{Command, Commands};
use super::timers;
use crate::say;
use nix::libc::{EMFILE, ENFILE};
use portable_timerfd::TimerFd;
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

/// What becomes of a client, or of the server, after something has come from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stays,
    /// There was nothing, or nothing more.
    Waits,
    Closes,
    StopsServer,
}

/// What came of accepting a client.
pub enum Accepted<S> {
    Client(S),
    /// It has gone again, or there is none.
    Nobody,
    /// There is room for no more: not to be asked again for a while.
    Full,
}

/// Accepts a client.
pub fn accept(listener: &TcpListener) -> io::Result<Accepted<TcpStream>> {
    let nonblocking = |(client, address): (TcpStream, _)| client.set_nonblocking(true).map(|()| (client, address));
    accepted(listener, listener.accept().and_then(nonblocking))
}

/// What came of accepting a client, in whatever loop.
pub fn accepted<S: AsFd>(listener: &impl AsFd, client: io::Result<(S, SocketAddr)>) -> io::Result<Accepted<S>> {
    say!("Accepting connection {}", number(listener));
    match client {
        Ok((client, address)) => {
            say!("Accepted connection {} from {address}", number(&client));
            Ok(Accepted::Client(client))
        }
        Err(e) if matches!(e.raw_os_error(), Some(EMFILE | ENFILE)) => {
            say!("Accepting no connection for a while: {e}");
            Ok(Accepted::Full)
        }
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {
            Ok(Accepted::Nobody)
        }
        Err(e) => Err(e),
    }
}

fn number(source: &impl AsFd) -> i32 {
    source.as_fd().as_raw_fd()
}

/// Reads what a client has sent, and obeys.
pub fn serve(mut client: impl Read + AsFd, commands: &mut Commands) -> io::Result<Outcome> {
    let mut bytes = [0; 1024];
    let read = client.read(&mut bytes);
    hear(&client, &bytes, read, commands)
}

/// Obeys what came of reading into these bytes, in whatever loop.
pub fn hear(client: &impl AsFd, bytes: &[u8], read: io::Result<usize>, commands: &mut Commands) -> io::Result<Outcome> {
    say!("Reading data {}", number(client));
    let length = match read {
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(Outcome::Waits),
        // A client that breaks off is as good as one that closes.
        result => result.unwrap_or(0),
    };
    commands.feed(&bytes[..length]);
    while let Some(command) = commands.next() {
        if obey(&command)? == Outcome::StopsServer {
            return Ok(Outcome::StopsServer);
        }
    }
    if length > 0 {
        return Ok(Outcome::Stays);
    }
    if let Some(command) = commands.rest() {
        obey(&command)?;
    }
    say!("Closing connection {}", number(client));
    Ok(Outcome::Closes)
}

/// Obeys what a client has said before it fell silent.
pub fn serve_silent(commands: &mut Commands) -> io::Result<()> {
    if let Some(command) = commands.when_silent() {
        obey(&command)?;
    }
    Ok(())
}

fn obey(command: &Command) -> io::Result<Outcome> {
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

/// Reads a timer that is ready.
pub fn tell_expirations(number: usize, timer: &TimerFd) -> io::Result<()> {
    say!("Reading timer {}", timer.as_raw_fd());
    if let Some(count) = timers::expirations(timer)? {
        tell_count(number, count)?;
    }
    Ok(())
}

pub fn tell_count(number: usize, count: u64) -> io::Result<()> {
    say!("Timer {number} expired {count} times");
    Ok(())
}
