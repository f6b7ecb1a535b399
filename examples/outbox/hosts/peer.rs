//! The other end of the connection, and what the hosts send to it.

use outbox::{Outbox, Timing};
use portable_timerfd::Timer;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Shorter than the default, so that the program ends soon. It never gives up, however slow the
/// machine is.
pub const TIMING: Timing = Timing {
    quiet: Duration::from_millis(20),
    max_delay: Duration::from_millis(100),
    acknowledgement: Duration::from_millis(100),
    retries: 20,
    heartbeat: Duration::from_millis(100),
};

/// The messages that a host still has to send.
pub struct Work {
    left: u32,
}

impl Work {
    pub fn new() -> Work {
        Work { left: 18 }
    }

    /// Sends two messages at once, if any are left. They form one request.
    pub fn send_next<M: Timer>(&mut self, outbox: &mut Outbox<M>) -> io::Result<()> {
        for _ in 0..self.left.min(2) {
            outbox.send(format!("message-{}", self.left))?;
            self.left -= 1;
        }
        Ok(())
    }
}

/// What a peer has received.
#[derive(Default)]
pub struct Received {
    /// The messages of each request. A request that arrives again replaces itself.
    requests: BTreeMap<u64, String>,
    arrived: u32,
    dropped: u32,
    heartbeats: u32,
}

impl Received {
    pub fn print(&self) -> io::Result<()> {
        let messages: usize = self.requests.values().map(|messages| messages.split(',').count()).sum();
        writeln!(io::stdout(), "{} requests with {messages} messages arrived", self.requests.len())?;
        writeln!(
            io::stdout(),
            "{} transmissions, {} dropped, {} heartbeats",
            self.arrived,
            self.dropped,
            self.heartbeats
        )
    }
}

/// Starts a peer in a thread. Returns the host's end of the connection. The thread ends when the
/// host has shut down its end.
pub fn start() -> io::Result<(UnixStream, JoinHandle<io::Result<Received>>)> {
    let (connection, of_peer) = UnixStream::pair()?;
    Ok((connection, thread::spawn(move || receive(of_peer))))
}

/// Acknowledges each request with a line that contains its id, but drops every third one.
fn receive(mut connection: UnixStream) -> io::Result<Received> {
    let mut received = Received::default();
    for line in BufReader::new(connection.try_clone()?).lines() {
        let line = line?;
        let Some((id, messages)) = line.split_once(' ') else {
            received.heartbeats += 1;
            continue;
        };
        received.arrived += 1;
        if received.arrived % 3 == 0 {
            received.dropped += 1;
            continue;
        }
        let id = id.parse().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        received.requests.insert(id, messages.to_owned());
        connection.write_all(format!("{id}\n").as_bytes())?;
    }
    Ok(received)
}

/// Prints what the peer has received, after it has seen the end of the connection.
pub fn finish(peer: JoinHandle<io::Result<Received>>) -> io::Result<()> {
    let received = peer.join().map_err(|_| io::Error::new(io::ErrorKind::Other, "the peer has panicked"))??;
    received.print()
}

/// Parses the line with which the peer acknowledges a request.
pub fn id(line: &str) -> io::Result<u64> {
    line.trim_end().parse().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}
