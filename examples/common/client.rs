//! What the servers do for a client, and what they print about it.

use super::commands::{Command, Commands};
use super::timers;
use crate::say;
use nix::libc::{EMFILE, ENFILE};
use portable_timerfd::TimerFd;
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

/// What becomes of a client, or of the server, after something has come from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stays,
    Closes,
    StopsServer,
}

/// What came of accepting a client.
pub enum Accepted {
    Client(TcpStream),
    /// It has gone again.
    Nobody,
    /// There is room for no more: not to be asked again for a while.
    Full,
}

/// Accepts a client.
pub fn accept(listener: &TcpListener) -> io::Result<Accepted> {
    say!("Accepting connection {}", listener.as_raw_fd());
    match listener.accept() {
        Ok((client, address)) => {
            client.set_nonblocking(true)?;
            say!("Accepted connection {} from {address}", client.as_raw_fd());
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

/// Reads what a client has sent, and obeys.
pub fn serve(mut client: &TcpStream, commands: &mut Commands) -> io::Result<Outcome> {
    say!("Reading data {}", client.as_raw_fd());
    let mut bytes = [0; 1024];
    let length = match client.read(&mut bytes) {
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(Outcome::Stays),
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
    say!("Closing connection {}", client.as_raw_fd());
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
        say!("Timer {number} expired {count} times");
    }
    Ok(())
}
