//! A server with three timers and any number of clients in one `polling` loop. A client ends it
//! with `stop`.
//!
//! Run `cargo run --example stop_server`. With `-- --backend userspace` it runs on the userspace
//! backend. With an address, such as `-- 127.0.0.1:0`, it listens there. It prints
//! `Listening on ADDRESS`, then `Timer 1 expired 1 times` every 0.25 s, timer 2 every 0.5 s and
//! timer 3 every 0.75 s. `--quiet` hides the lines about expirations, so that only those about
//! clients remain. Talk to it from another terminal: `printf hello | nc 127.0.0.1 1234` makes it
//! print `Unknown command: hello`, and `printf stop | nc 127.0.0.1 1234` ends it.

mod common;

use common::client::{self, Accepted, Outcome};
use common::commands::Commands;
use common::timers;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Registered, TimerFd};
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

fn main() -> ExitCode {
    common::main(common::Takes::BackendAndAddress, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    let mut server = Server::new(options)?;
    let mut events = Events::new();
    loop {
        events.clear();
        server.poller.wait(&mut events, Some(Duration::from_secs(3)))?;
        let ready: Vec<(usize, u8)> = events.iter().map(|event| (event.key, event.readable.into())).collect();
        if !server.quiet {
            say!("Signaled events={ready:?}");
        }
        for (key, _) in ready {
            if server.handle(key)? == Outcome::StopsServer {
                return Ok(());
            }
        }
    }
}

/// Everything that is registered in the loop. The keys are the descriptors' numbers.
struct Server {
    poller: Arc<Poller>,
    listener: Registered<TcpListener>,
    timers: Vec<Registered<TimerFd>>,
    clients: BTreeMap<usize, (Registered<TcpStream>, Commands)>,
    /// No client is accepted until timer 1 expires again.
    is_full: bool,
    /// Hides the lines about expirations.
    quiet: bool,
}

fn key_of(source: &impl AsRawFd) -> usize {
    source.as_raw_fd().unsigned_abs() as usize
}

/// Registers a source for one event at a time, the only mode that every system supports.
fn register<T: AsFd + AsRawFd>(poller: &Arc<Poller>, source: T) -> io::Result<Registered<T>> {
    let interest = Event::readable(key_of(&source));
    Registered::new(poller, source, interest, PollMode::Oneshot)
}

/// Requests the next event.
fn request_next<T: AsFd + AsRawFd>(source: &Registered<T>) -> io::Result<()> {
    source.modify(Event::readable(key_of(&**source)), PollMode::Oneshot)
}

impl Server {
    fn new(options: &common::Options) -> io::Result<Server> {
        let poller = Arc::new(Poller::new()?);
        let timers = timers::open(|clock| options.open(clock, true))?;
        let listener = options.listen()?;
        let listener = register(&poller, listener)?;
        timers::arm(&timers)?;
        let timers = timers.into_iter().map(|timer| register(&poller, timer)).collect::<io::Result<_>>()?;
        Ok(Server { poller, listener, timers, clients: BTreeMap::new(), is_full: false, quiet: options.quiet })
    }

    /// Handles the readiness of the source with this key.
    fn handle(&mut self, key: usize) -> io::Result<Outcome> {
        if key == key_of(&*self.listener) {
            self.accept()?;
        } else if let Some(index) = self.timers.iter().position(|timer| key_of(&**timer) == key) {
            client::read_timer(index + 1, &self.timers[index], self.quiet)?;
            request_next(&self.timers[index])?;
            if index == 0 {
                if std::mem::take(&mut self.is_full) {
                    // A descriptor may have been closed since.
                    request_next(&self.listener)?;
                }
                self.clients.values_mut().try_for_each(|(_, commands)| client::serve_silent(commands))?;
            }
        } else if let Some((stream, commands)) = self.clients.get_mut(&key) {
            let outcome = client::serve(&**stream, commands)?;
            if outcome == Outcome::Closes {
                self.clients.remove(&key);
            } else {
                request_next(stream)?;
            }
            return Ok(outcome);
        }
        Ok(Outcome::Stays)
    }

    fn accept(&mut self) -> io::Result<()> {
        match client::accept(&self.listener)? {
            Accepted::Client(stream) => {
                self.clients.insert(key_of(&stream), (register(&self.poller, stream)?, Commands::default()));
            }
            Accepted::NoClient => {}
            Accepted::Full => {
                self.is_full = true;
                return Ok(());
            }
        }
        request_next(&self.listener)
    }
}
