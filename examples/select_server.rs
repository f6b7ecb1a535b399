//! The stop server driven by `select(2)`, each descriptor in all three sets: a timer is only ever readable.
//!
//! Run `cargo run --example select_server`, with the arguments of `stop_server`. It prints the same lines, and fails if
//! a timer is ever reported writable or exceptional. End it with `printf stop | nc 127.0.0.1 1234`.

mod common;

use common::client::{self, Accepted, Outcome};
use common::commands::Commands;
use nix::libc::FD_SETSIZE;
use nix::sys::select::{select, FdSet};
use nix::sys::time::{TimeVal, TimeValLike};
use portable_timerfd::{Clock, Timer, TimerFd, TimerSpec};
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
    /// No client is accepted until one of them closes.
    is_full: bool,
}

/// The numbers of the descriptors that can be read.
type Ready = Vec<i32>;

impl Server {
    fn new(options: &common::Options) -> io::Result<Server> {
        let listener = options.listen()?;
        let mut timers = Vec::new();
        for number in 1..=3 {
            let timer = options.open(Clock::Realtime, true)?;
            let period = client::quarters(number);
            timer.settime(&TimerSpec::after(period).every(period))?;
            timers.push(timer);
        }
        Ok(Server { listener, timers, clients: BTreeMap::new(), is_full: false })
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let timers = self.timers.iter().map(AsFd::as_fd);
        let clients = self.clients.values().map(|(stream, _)| stream.as_fd());
        let listener = (!self.is_full).then_some(self.listener.as_fd());
        timers.chain(listener).chain(clients).collect()
    }

    /// Waits, for three seconds at most.
    fn select(&self) -> io::Result<Ready> {
        let descriptors = self.descriptors();
        let mut read = FdSet::new();
        descriptors.iter().for_each(|&fd| read.insert(fd));
        let (mut write, mut except) = (read, read);
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
                client::tell_expirations(index + 1, timer)?;
                if index == 0 {
                    self.clients.values_mut().try_for_each(|(_, commands)| client::serve_silent(commands))?;
                }
            }
        }
        for number in ready {
            let Some((stream, commands)) = self.clients.get_mut(number) else { continue };
            match client::serve(stream, commands)? {
                Outcome::Stays => {}
                Outcome::Closes => self.close(*number),
                Outcome::StopsServer => return Ok(Outcome::StopsServer),
            }
        }
        // Last, so that a new client does not take the number of one that has just been served.
        if ready.contains(&self.listener.as_raw_fd()) {
            self.accept()?;
        }
        Ok(Outcome::Stays)
    }

    fn accept(&mut self) -> io::Result<()> {
        match client::accept(&self.listener)? {
            Accepted::Client(stream) if stream.as_raw_fd().unsigned_abs() as usize >= FD_SETSIZE => {
                say!("Refusing connection {}: select can't watch it", stream.as_raw_fd());
            }
            Accepted::Client(stream) => drop(self.clients.insert(stream.as_raw_fd(), (stream, Commands::default()))),
            Accepted::Nobody => {}
            Accepted::Full => self.is_full = true,
        }
        Ok(())
    }

    fn close(&mut self, number: i32) {
        self.clients.remove(&number);
        self.is_full = false;
    }
}
