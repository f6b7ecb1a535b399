//! A client of `keepalive_server` that knows when it may be closed.

use crate::servers::Server;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub const FAREWELL: &[u8] = b"The server is stopping\n";

pub struct Client {
    pub stream: TcpStream,
    /// A time before the last input that has reached the server, or before the connection.
    pub active: Instant,
}

impl Client {
    pub fn connect(server: &Server) -> Client {
        let active = Instant::now();
        Client { stream: server.connect(), active }
    }

    /// Sends these bytes, and waits until they come back.
    ///
    /// Returns `false` if the server has closed the connection because this program was too slow.
    /// Panics if the server has closed it although the bytes were sent in half of the `idle` time.
    #[track_caller]
    pub fn echo(&mut self, bytes: &[u8], idle: Duration) -> bool {
        let before = Instant::now();
        let sent = self.stream.write_all(bytes);
        let silence = self.active.elapsed();
        let mut back = vec![0; bytes.len()];
        if sent.and_then(|()| self.stream.read_exact(&mut back)).is_err() {
            assert!(silence >= idle / 2, "an active client was closed {silence:?} after its input");
            return false;
        }
        assert_eq!(back, bytes);
        self.active = before;
        true
    }

    /// Waits until the server closes the connection, and returns the time since the last input.
    #[track_caller]
    pub fn closed(mut self) -> Duration {
        assert_eq!(self.rest(), b"");
        self.active.elapsed()
    }

    /// Returns all further bytes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Waits until the server says that it stops.
    pub fn farewell(&mut self) {
        let mut line = [0; FAREWELL.len()];
        self.stream.read_exact(&mut line).unwrap();
        assert_eq!(line, FAREWELL);
    }

    /// Sends until the server closes the connection, and receives nothing. Returns the number of
    /// bytes. Stops at `limit`.
    pub fn flood(&mut self, limit: usize) -> usize {
        let mut sent = 0;
        while sent < limit {
            match self.stream.write(&[b'x'; 65_536]) {
                Ok(length) => sent += length,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        sent
    }
}
