//! An echo server that closes idle clients. The timeouts of all clients are in one `TimerSet`,
//! behind one descriptor of a `polling` loop.
//!
//! Run `cargo run --example keepalive_server`, with an address and `--backend` as for
//! `stop_server`. The server sends the input of a client back to it. It closes a client that has
//! sent nothing, or taken none of its output, for five seconds; `--idle 0.5` makes it half a
//! second. The server prints a line for each client that it closes, unless you add `--quiet`. Talk
//! to it from another terminal with `nc 127.0.0.1 1234`.
//!
//! Ctrl-C, SIGTERM, or a client that sends `stop` stops the server. The server then accepts no more
//! clients, and sends `The server is stopping` to those that it has. It ends when all of them have
//! left, at most five seconds later; `--grace 60` makes it a minute. A second request to stop ends
//! it at once.

mod common;

use common::client::{self, Accepted, Outcome};
use common::commands::{Command, Commands};
use common::limits;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::loops::polling::PollingSource;
use portable_timerfd::timer_set::Key;
use portable_timerfd::{Clock, Registered, TimerSet};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use socket2::SockRef;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Keys of the poller. A client's key is its number, which is never used again. So a stale event or
/// timeout cannot concern a later client.
const LISTENER: usize = 0;
const SIGNALS: usize = 1;
const TIMEOUTS: usize = 2;
const FIRST_CLIENT: usize = 3;

/// At most this many clients are accepted, or timed out, before other events are handled.
const BATCH: usize = 64;
/// The kernel queues at most about this many clients, if the administrator allows it.
const BACKLOG: i32 = 4096;
/// If no descriptor is left, the server accepts again after this time.
const PAUSE: Duration = Duration::from_millis(250);
const FAREWELL: &[u8] = b"The server is stopping\n";

fn main() -> ExitCode {
    common::main(common::Takes::BackendAddressAndTimeouts, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    limits::raise_descriptor_limit();
    let mut server = Server::new(options)?;
    let mut events = Events::new();
    while !server.has_ended() {
        events.clear();
        server.poller.wait(&mut events, None)?;
        for event in events.iter() {
            server.handle(event.key)?;
        }
    }
    let Server { served, closed_idle, readable, .. } = server;
    say!("Served {served} clients, closed {closed_idle} idle ones; the timeouts were readable {readable} times");
    Ok(())
}

/// What the server does at a deadline.
enum Timeout {
    CloseIdle(usize),
    AcceptAgain,
    CloseAll,
}

struct Client {
    stream: Registered<TcpStream>,
    commands: Commands,
    /// The input that was not sent back yet.
    output: Vec<u8>,
    timeout: Key,
}

struct Server<'a> {
    options: &'a common::Options,
    poller: Arc<Poller>,
    /// `None` after the first request to stop.
    listener: Option<Registered<TcpListener>>,
    signals: Registered<UnixStream>,
    timeouts: PollingSource<TimerSet<Timeout>>,
    clients: HashMap<usize, Client>,
    served: usize,
    closed_idle: usize,
    /// How often the descriptor of the timeouts was readable.
    readable: usize,
}

/// Registers a source for one event at a time, the only mode that every system supports.
fn register<T: AsFd>(poller: &Arc<Poller>, source: T, key: usize) -> io::Result<Registered<T>> {
    Registered::new(poller, source, Event::readable(key), PollMode::Oneshot)
}

/// Returns a stream that is readable after a signal.
fn signals() -> io::Result<UnixStream> {
    let (receiver, sender) = UnixStream::pair()?;
    receiver.set_nonblocking(true)?;
    pipe::register(SIGINT, sender.try_clone()?)?;
    pipe::register(SIGTERM, sender)?;
    Ok(receiver)
}

/// std's queue holds 128 clients. If it is full, a client can believe that it is connected
/// although the server never learns of it.
fn listener(options: &common::Options) -> io::Result<TcpListener> {
    let listener = options.listen()?;
    SockRef::from(&listener).listen(BACKLOG)?;
    Ok(listener)
}

/// Prints a line. If the output is closed, the server goes on.
fn print(what: impl Display) {
    let _ = writeln!(io::stdout(), "{what}");
}

impl Server<'_> {
    fn new(options: &common::Options) -> io::Result<Server<'_>> {
        let poller = Arc::new(Poller::new()?);
        let timeouts = TimerSet::with_timer(options.open(Clock::Monotonic, true)?)?;
        Ok(Server {
            options,
            signals: register(&poller, signals()?, SIGNALS)?,
            timeouts: PollingSource::new(&poller, timeouts, Event::readable(TIMEOUTS), PollMode::Oneshot)?,
            // The last source, because a client can connect as soon as the address is printed.
            listener: Some(register(&poller, listener(options)?, LISTENER)?),
            poller,
            clients: HashMap::new(),
            served: 0,
            closed_idle: 0,
            readable: 0,
        })
    }

    fn has_ended(&self) -> bool {
        self.listener.is_none() && self.clients.is_empty()
    }

    /// Handles the readiness of the source with this key.
    fn handle(&mut self, key: usize) -> io::Result<()> {
        match key {
            LISTENER => self.accept(),
            SIGNALS => self.take_signals(),
            TIMEOUTS => self.expire(),
            number => {
                self.serve(number)?;
                self.request_next(number)
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        if self.accept_at_most(BATCH)? {
            self.report("No descriptor is left, accepting no client for a while");
            self.timeouts.get_mut().insert_after(PAUSE, Timeout::AcceptAgain)?;
        } else if let Some(listener) = &self.listener {
            listener.modify(Event::readable(LISTENER), PollMode::Oneshot)?;
        }
        Ok(())
    }

    /// Accepts the clients that wait. Returns whether no descriptor is left.
    fn accept_at_most(&mut self, limit: usize) -> io::Result<bool> {
        for _ in 0..limit {
            let Some(listener) = &self.listener else { break };
            match client::accept_quietly(listener)? {
                Accepted::Client(stream) => self.add(stream)?,
                Accepted::NoClient => break,
                Accepted::Full => return Ok(true),
            }
        }
        Ok(false)
    }

    fn add(&mut self, stream: TcpStream) -> io::Result<()> {
        let number = FIRST_CLIENT + self.served;
        let timeout = self.timeouts.get_mut().insert_after(self.options.idle, Timeout::CloseIdle(number))?;
        let Ok(stream) = register(&self.poller, stream, number) else {
            // The poller is full. That ends this connection only.
            self.timeouts.get_mut().remove(timeout);
            return Ok(());
        };
        self.clients.insert(number, Client { stream, commands: Commands::default(), output: Vec::new(), timeout });
        self.served += 1;
        Ok(())
    }

    /// Serves a client, and postpones its timeout if it has sent something.
    fn serve(&mut self, number: usize) -> io::Result<Outcome> {
        // An earlier event of this turn may have closed the client.
        let Some(client) = self.clients.get_mut(&number) else { return Ok(Outcome::Closes) };
        let outcome = client.exchange();
        match outcome {
            Outcome::Waits => {}
            Outcome::Closes => self.close(number, "it has left")?,
            Outcome::Stays => self.postpone(number)?,
            Outcome::StopsServer => {
                self.postpone(number)?;
                self.stop()?;
            }
        }
        Ok(outcome)
    }

    fn request_next(&self, number: usize) -> io::Result<()> {
        self.clients.get(&number).map_or(Ok(()), |client| client.request_next(number))
    }

    /// Gives a client the full time again. Makes no system call, unless the client has timed out.
    fn postpone(&mut self, number: usize) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(&number) else { return Ok(()) };
        let timeouts = self.timeouts.get_mut();
        if !timeouts.rearm_after(client.timeout, self.options.idle)? {
            client.timeout = timeouts.insert_after(self.options.idle, Timeout::CloseIdle(number))?;
        }
        Ok(())
    }

    fn expire(&mut self) -> io::Result<()> {
        self.readable += 1;
        for _ in 0..BATCH {
            let Some(expired) = self.timeouts.get_mut().next_expired()? else { break };
            match expired.value {
                Some(Timeout::CloseIdle(number)) => self.close_if_idle(number)?,
                Some(Timeout::AcceptAgain) => self.accept()?,
                Some(Timeout::CloseAll) => self.close_all("the server stops")?,
                None => {} // No entry is periodic.
            }
        }
        // If a batch was not enough, the descriptor is still readable.
        self.timeouts.modify(Event::readable(TIMEOUTS), PollMode::Oneshot)
    }

    /// Closes a client that has timed out.
    ///
    /// The client stays if its input has arrived in time and was not read yet.
    fn close_if_idle(&mut self, number: usize) -> io::Result<()> {
        if self.serve(number)? != Outcome::Waits {
            return self.request_next(number);
        }
        self.closed_idle += 1;
        self.close(number, "it was idle")
    }

    fn close(&mut self, number: usize, reason: &str) -> io::Result<()> {
        if let Some(client) = self.clients.remove(&number) {
            self.timeouts.get_mut().remove(client.timeout);
            self.report(format_args!("Closing client {}: {reason}", number - FIRST_CLIENT + 1));
        }
        Ok(())
    }

    fn report(&self, what: impl Display) {
        if !self.options.quiet {
            print(what);
        }
    }

    fn close_all(&mut self, reason: &str) -> io::Result<()> {
        let numbers: Vec<usize> = self.clients.keys().copied().collect();
        numbers.into_iter().try_for_each(|number| self.close(number, reason))
    }

    fn take_signals(&mut self) -> io::Result<()> {
        let received = (&*self.signals).read(&mut [0; 64]).unwrap_or(0);
        (0..received).try_for_each(|_| self.stop())?;
        self.signals.modify(Event::readable(SIGNALS), PollMode::Oneshot)
    }

    /// Stops the server. The first call starts the time of grace. The second one closes all clients
    /// at once.
    fn stop(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            return self.close_all("the server stops");
        }
        // Without this, the kernel would reset the connections that it has queued.
        self.accept_at_most(BACKLOG as usize)?;
        // Clients that connect from now on are refused.
        self.listener = None;
        for (&number, client) in &mut self.clients {
            client.output.extend_from_slice(FAREWELL);
            // The next event of a broken connection closes the client.
            let _ = client.send();
            client.request_next(number)?;
        }
        self.timeouts.get_mut().insert_after(self.options.grace, Timeout::CloseAll)?;
        print("Stopping server");
        Ok(())
    }
}

impl Client {
    /// Sends the output, receives new input, and begins to send that back.
    fn exchange(&mut self) -> Outcome {
        loop {
            match self.send().and_then(|()| self.receive()) {
                Ok(outcome) => return outcome,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Outcome::Waits,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // A broken connection is handled like a closed one.
                Err(_) => return Outcome::Closes,
            }
        }
    }

    /// Sends the output, or fails with `WouldBlock`.
    fn send(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let length = (&*self.stream).write(&self.output)?;
            self.output.drain(..length);
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<Outcome> {
        let mut bytes = [0; 4096];
        let length = (&*self.stream).read(&mut bytes)?;
        if length == 0 {
            return Ok(Outcome::Closes);
        }
        self.output.extend_from_slice(&bytes[..length]);
        match self.send() {
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Err(e),
            _ => Ok(self.execute(&bytes[..length])),
        }
    }

    fn execute(&mut self, bytes: &[u8]) -> Outcome {
        self.commands.feed(bytes);
        while let Some(command) = self.commands.next() {
            if command == Command::Stop {
                self.commands = Commands::default();
                return Outcome::StopsServer;
            }
        }
        Outcome::Stays
    }

    /// Requests the next event.
    ///
    /// The server does not read from a client that has not received its output. So the output stays
    /// short.
    fn request_next(&self, number: usize) -> io::Result<()> {
        let blocked = !self.output.is_empty();
        self.stream.modify(Event::new(number, !blocked, blocked), PollMode::Oneshot)
    }
}
