//! The stop server with `select(2)`, with the timers in all three sets: a timer is only ever
//! readable.
//!
//! Run `cargo run --example select_server`, with the arguments of `stop_server`. It fails if a
//! timer is ever reported writable or exceptional (on macOS, exceptional). To end it, run
//! `printf stop | nc 127.0.0.1 1234`.

mod common;

use common::client::{self, Accepted, Outcome};
use common::commands::Commands;
use common::timers;
use nix::libc::FD_SETSIZE;
use nix::sys::select::{select, FdSet};
use nix::sys::time::{TimeVal, TimeValLike};
use portable_timerfd::TimerFd;
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::main(common::Takes::BackendAndAddress, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    let mut server = Server::new(options)?;
    loop {
        let ready = server.select()?;
        if server.handle(&ready)? == Outcome::StopsServer {
            return Ok(());
        }
    }
}

struct Server {
    listener: TcpListener,
    timers: Vec<TimerFd>,
    clients: BTreeMap<i32, (TcpStream, Commands)>,
    /// No client is accepted until timer 1 expires again.
    is_full: bool,
    /// Hides the lines about expirations.
    quiet: bool,
}

/// Returns whether the descriptor's number is small enough for `select`.
fn can_select(fd: &impl AsRawFd) -> bool {
    (fd.as_raw_fd().unsigned_abs() as usize) < FD_SETSIZE
}

/// The numbers of the readable descriptors.
type Ready = Vec<i32>;

impl Server {
    fn new(options: &common::Options) -> io::Result<Server> {
        let timers = timers::open(|clock| options.open(clock, true))?;
        let listener = options.listen()?;
        if !can_select(&listener) || !timers.iter().all(can_select) {
            return Err(io::Error::new(io::ErrorKind::Other, "more descriptors were inherited than select can watch"));
        }
        timers::arm(&timers)?;
        Ok(Server { listener, timers, clients: BTreeMap::new(), is_full: false, quiet: options.quiet })
    }

    /// Waits for at most three seconds.
    fn select(&self) -> io::Result<Ready> {
        let timers = self.timers.iter().map(AsFd::as_fd);
        let listener = (!self.is_full).then_some(self.listener.as_fd());
        let mut descriptors: Vec<BorrowedFd<'_>> = timers.chain(listener).collect();
        let mut read = FdSet::new();
        descriptors.iter().for_each(|&fd| read.insert(fd));
        let (mut write, mut except) = (read, read);
        if cfg!(target_vendor = "apple") {
            // On Apple systems `select` reports both ends of every pipe as writable, so it would
            // never wait.
            write.clear();
        }
        // A client is nearly always writable. In the write set it would keep the loop from ever
        // waiting.
        for (client, _) in self.clients.values() {
            read.insert(client.as_fd());
            except.insert(client.as_fd());
            descriptors.push(client.as_fd());
        }
        match select(None, &mut read, &mut write, &mut except, &mut TimeVal::seconds(3)) {
            Ok(_) => {}
            Err(nix::Error::EINTR) => return Ok(Ready::new()),
            Err(e) => return Err(e.into()),
        }
        if self.timers.iter().any(|timer| write.contains(timer.as_fd()) || except.contains(timer.as_fd())) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a timer was reported writable or exceptional"));
        }
        Ok(descriptors.into_iter().filter(|&fd| read.contains(fd)).map(|fd| fd.as_raw_fd()).collect())
    }

    fn handle(&mut self, ready: &Ready) -> io::Result<Outcome> {
        for (index, timer) in self.timers.iter().enumerate() {
            if ready.contains(&timer.as_raw_fd()) {
                client::read_timer(index + 1, timer, self.quiet)?;
                if index == 0 {
                    self.is_full = false;
                    self.clients.values_mut().try_for_each(|(_, commands)| client::serve_silent(commands))?;
                }
            }
        }
        for number in ready {
            let Some((stream, commands)) = self.clients.get_mut(number) else { continue };
            match client::serve(&*stream, commands)? {
                Outcome::Stays | Outcome::Waits => {}
                Outcome::Closes => drop(self.clients.remove(number)),
                Outcome::StopsServer => return Ok(Outcome::StopsServer),
            }
        }
        // The listener is last, so that a new client does not reuse the number of a client that was
        // served in this turn.
        if ready.contains(&self.listener.as_raw_fd()) {
            self.accept()?;
        }
        Ok(Outcome::Stays)
    }

    fn accept(&mut self) -> io::Result<()> {
        match client::accept(&self.listener)? {
            Accepted::Client(stream) if !can_select(&stream) => {
                say!("Refusing connection {}: select can't watch it", stream.as_raw_fd());
            }
            Accepted::Client(stream) => drop(self.clients.insert(stream.as_raw_fd(), (stream, Commands::default()))),
            Accepted::NoClient => {}
            Accepted::Full => self.is_full = true,
        }
        Ok(())
    }
}
