//! The stop server with mio: three timers, a listener and clients in one `mio::Poll`.
//!
//! Run `cargo run --features mio --example mio_server`, with the arguments of `stop_server`. It
//! prints the same lines about timers and clients. To end it, run
//! `printf stop | nc 127.0.0.1 1234`.

mod common;

use common::client::{self, Accepted, Outcome};
use common::commands::Commands;
use common::timers;
use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use portable_timerfd::TimerFd;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::process::ExitCode;

fn main() -> ExitCode {
    common::main(common::Takes::BackendAndAddress, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    let mut server = Server::new(options)?;
    let mut events = Events::with_capacity(64);
    loop {
        match server.poll.poll(&mut events, None) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            result => result?,
        }
        for event in &events {
            if server.handle(event.token())? == Outcome::StopsServer {
                return Ok(());
            }
        }
    }
}

/// Everything that is registered in the loop. The tokens are the descriptors' numbers.
struct Server {
    poll: Poll,
    listener: TcpListener,
    timers: Vec<TimerFd>,
    clients: BTreeMap<Token, (TcpStream, Commands)>,
    /// Hides the lines about expirations.
    quiet: bool,
}

fn token_of(source: &impl AsRawFd) -> Token {
    Token(source.as_raw_fd().unsigned_abs() as usize)
}

fn register<T: Source + AsRawFd>(poll: &Poll, source: &mut T) -> io::Result<()> {
    let token = token_of(source);
    poll.registry().register(source, token, Interest::READABLE)
}

impl Server {
    fn new(options: &common::Options) -> io::Result<Server> {
        let poll = Poll::new()?;
        let mut timers = timers::open(|clock| options.open(clock, true))?;
        let mut listener = TcpListener::from_std(options.listen()?);
        register(&poll, &mut listener)?;
        timers::arm(&timers)?;
        timers.iter_mut().try_for_each(|timer| register(&poll, timer))?;
        Ok(Server { poll, listener, timers, clients: BTreeMap::new(), quiet: options.quiet })
    }

    /// Handles the readiness of the source with this token. mio reports each readiness once. If
    /// there may be more input, the source is registered again.
    fn handle(&mut self, token: Token) -> io::Result<Outcome> {
        if token == token_of(&self.listener) {
            self.accept()?;
        } else if let Some(index) = self.timers.iter().position(|timer| token_of(timer) == token) {
            // One read returns all expirations of a timer.
            client::read_timer(index + 1, &self.timers[index], self.quiet)?;
            if index == 0 {
                self.clients.values_mut().try_for_each(|(_, commands)| client::serve_silent(commands))?;
                // An earlier accept may have failed because no descriptor was left.
                self.accept()?;
            }
        } else if let Some((stream, commands)) = self.clients.get_mut(&token) {
            let outcome = client::serve(&*stream, commands)?;
            match outcome {
                // The client is not read again at once: a client that sends without end would keep
                // the others waiting.
                Outcome::Stays => self.poll.registry().reregister(stream, token, Interest::READABLE)?,
                Outcome::Closes => drop(self.clients.remove(&token)),
                Outcome::Waits | Outcome::StopsServer => {}
            }
            return Ok(outcome);
        }
        Ok(Outcome::Stays)
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let client = self.listener.accept();
            let has_none = client.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
            if self.quiet && has_none {
                // `accepted` would print a line for each expiration of timer 1.
                return Ok(());
            }
            let Accepted::Client(mut stream) = client::accepted(&self.listener, client)? else { return Ok(()) };
            register(&self.poll, &mut stream)?;
            self.clients.insert(token_of(&stream), (stream, Commands::default()));
        }
    }
}
