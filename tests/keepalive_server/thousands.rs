//! 5,000 idle clients and 200 active ones, in one thread with `polling`. `ci/keepalive-server` runs
//! this on an optimized server.
//!
//! Fails if a client is closed early, if an idle client is never closed, or if an active client is
//! closed. Prints how late the idle clients were closed, because that depends on the machine.

use crate::limits;
use crate::servers::{on_every_backend, Server};
use nix::sys::resource::{getrlimit, getrusage, Resource, UsageWho};
use nix::sys::time::TimeValLike;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::Registered;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ACTIVE: usize = 200;
const IDLE: usize = 5_000;
/// The timeout of the server.
const TIMEOUT: Duration = Duration::from_secs(2);
/// An active client sends a line each time this has passed.
const PERIOD: Duration = Duration::from_millis(100);
/// The clients connect in batches, with a pause after each. So the idle ones are not all closed at
/// once.
const BATCH: usize = 40;
const PAUSE: Duration = Duration::from_millis(12);
/// A client that is still open so long after its time is never closed.
const NEVER: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs 6,000 descriptors and an optimized server: ci/keepalive-server"]
fn thousands_of_idle_clients_are_closed_in_time_and_no_active_one_is() {
    limits::raise_descriptor_limit();
    let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(descriptors >= 6_000, "this needs 6,000 descriptors, not {descriptors}");
    on_every_backend("keepalive_server", |mut program, backend| {
        let cpu_time_before = cpu_time_of_children();
        program.args(["--quiet", "--idle", &TIMEOUT.as_secs().to_string()]);
        let server = Server::start(program);
        let mut load = Load::new();
        load.run(&server.address);
        load.stop();
        let summary = server.end();
        load.print(backend);
        println!("    CPU time of the server: {:.0?}", cpu_time_of_children() - cpu_time_before);
        println!("    {}", summary.lines().last().unwrap());
        load.check();
    });
}

fn cpu_time_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds().try_into().unwrap())
}

struct Client {
    /// `None` once the server has closed it.
    stream: Option<Registered<TcpStream>>,
    /// A time before the last input.
    sent: Instant,
    /// The longest time between two inputs.
    longest_silence: Duration,
    /// The number of bytes that have not come back.
    unanswered: usize,
}

/// The clients. The active ones are the first, and their keys are their positions.
struct Load {
    poller: Arc<Poller>,
    events: Events,
    clients: Vec<Client>,
    next_lines: Instant,
    begun: Instant,
    lines: usize,
    open_idle: usize,
    /// The times from the last input of an idle client until it was closed.
    closed_idle: Vec<Duration>,
    /// The active clients that were closed although they had sent their lines in time.
    closed_active: usize,
}

impl Load {
    fn new() -> Load {
        let begun = Instant::now();
        Load {
            poller: Arc::new(Poller::new().unwrap()),
            events: Events::new(),
            clients: Vec::new(),
            next_lines: begun,
            begun,
            lines: 0,
            open_idle: 0,
            closed_idle: Vec::new(),
            closed_active: 0,
        }
    }

    fn run(&mut self, address: &str) {
        while self.clients.len() < ACTIVE + IDLE {
            let next_batch = Instant::now() + PAUSE;
            (0..BATCH).for_each(|_| self.connect(address));
            // If more clients waited than the kernel queues, the next one would block for a second.
            while Instant::now() < next_batch || self.clients.last().is_some_and(Client::waits) {
                self.turn(next_batch.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
            }
        }
        let connected = Instant::now();
        // The active clients outlive the timeout at least twice.
        while connected.elapsed() < TIMEOUT * 2 || (self.open_idle > 0 && connected.elapsed() < TIMEOUT + NEVER) {
            self.turn(PERIOD);
        }
        while self.clients[..ACTIVE].iter().any(Client::waits) {
            self.receive_within(PERIOD);
        }
    }

    fn connect(&mut self, address: &str) {
        let key = self.clients.len();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = Registered::new(&self.poller, stream, Event::readable(key), PollMode::Level).unwrap();
        let (sent, longest_silence) = (Instant::now(), Duration::ZERO);
        self.clients.push(Client { stream: Some(stream), sent, longest_silence, unanswered: 0 });
        self.clients[key].send(b"hello\n");
        self.open_idle += usize::from(key >= ACTIVE);
    }

    /// Sends the lines that are due, and receives for at most this time.
    fn turn(&mut self, limit: Duration) {
        let now = Instant::now();
        if now >= self.next_lines {
            self.next_lines = now + PERIOD;
            for client in self.clients.iter_mut().take(ACTIVE) {
                client.send(b"hello\n");
                self.lines += 1;
            }
        }
        self.receive_within(limit.min(self.next_lines.saturating_duration_since(now)));
    }

    fn receive_within(&mut self, limit: Duration) {
        self.events.clear();
        self.poller.wait(&mut self.events, Some(limit)).unwrap();
        let keys: Vec<usize> = self.events.iter().map(|event| event.key).collect();
        for key in keys {
            if self.clients[key].receive() {
                self.closed(key);
            }
        }
    }

    fn closed(&mut self, key: usize) {
        let client = &mut self.clients[key];
        client.stream = None;
        if key >= ACTIVE {
            self.open_idle -= 1;
            self.closed_idle.push(client.sent.elapsed());
        } else if client.longest_silence.max(client.sent.elapsed()) < TIMEOUT / 2 {
            self.closed_active += 1;
        } else {
            // The server was right.
            println!("an active client was closed, but this program was stopped for {:?}", client.longest_silence);
        }
    }

    /// Stops the server, and leaves.
    fn stop(&mut self) {
        let stopped = self.clients.iter_mut().find_map(|client| client.stream.take());
        (&**stopped.as_ref().expect("all active clients were closed")).write_all(b"stop").unwrap();
        self.clients.iter_mut().for_each(|client| client.stream = None);
    }

    fn print(&mut self, backend: &str) {
        self.closed_idle.sort();
        let late = |share: f64| {
            let last = self.closed_idle.len().saturating_sub(1) as f64;
            self.closed_idle.get((last * share) as usize).copied().unwrap_or_default().saturating_sub(TIMEOUT)
        };
        let beyond = self.closed_idle.iter().filter(|&&silence| silence > TIMEOUT + Duration::from_millis(100)).count();
        println!(
            "{backend}: {IDLE} idle clients, {ACTIVE} active ones with {} lines, {:.1?}",
            self.lines,
            self.begun.elapsed()
        );
        println!(
            "    the idle ones were closed after their time by {:.1?} (median), {:.1?} (99 %), {:.1?} (longest)",
            late(0.5),
            late(0.99),
            late(1.0)
        );
        println!("    {beyond} of them were closed more than 100 ms after their time");
    }

    fn check(&self) {
        let early = self.closed_idle.iter().filter(|&&silence| silence < TIMEOUT).count();
        assert_eq!(
            (early, self.open_idle, self.closed_active),
            (0, 0, 0),
            "closed early, never closed, active but closed"
        );
    }
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        let Some(stream) = &self.stream else { return };
        let before = Instant::now();
        // If this fails, the connection is closed, which `receive` reports.
        self.unanswered += (&**stream).write(bytes).unwrap_or(0);
        self.longest_silence = self.longest_silence.max(self.sent.elapsed());
        self.sent = before;
    }

    /// Returns whether bytes have not come back yet.
    fn waits(&self) -> bool {
        self.stream.is_some() && self.unanswered > 0
    }

    /// Receives once. Returns whether the server has closed the connection.
    fn receive(&mut self) -> bool {
        let Some(stream) = &self.stream else { return false };
        match (&**stream).read(&mut [0; 4096]) {
            Ok(0) => true,
            Ok(length) => {
                self.unanswered -= length;
                false
            }
            Err(e) => !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}
