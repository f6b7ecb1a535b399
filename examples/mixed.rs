//! Timers of both backends in one loop with a socket.
//!
//! Run `cargo run --example mixed`. For a second and a half, it prints lines about a timer of each
//! backend, and about a socket that the program writes to itself. With `-- --backend userspace`,
//! both timers are of that backend.

mod common;

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{backends, Backend, Clock, Registered, TimerFd};
use std::io::{self, ErrorKind, Write};
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const SOCKET: usize = usize::MAX - 1;
const PERIODS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(150)];
const EXPIRATIONS: u64 = 10;

fn main() -> ExitCode {
    common::main(common::Takes::Backend, run)
}

/// Returns the backends of this system, or the chosen backend twice.
fn selected_backends(chosen: Option<Backend>) -> Vec<Backend> {
    match chosen {
        Some(backend) => vec![backend, backend],
        None => backends::ALL.to_vec(),
    }
}

fn run(options: &common::Options) -> io::Result<()> {
    let poller = Arc::new(Poller::new()?);
    let mut timers: Vec<Registered<TimerFd>> = Vec::new();
    for (backend, period) in selected_backends(options.backend).into_iter().zip(PERIODS.into_iter().cycle()) {
        let timer = match common::open(Some(backend), Clock::Monotonic, true) {
            Err(e) if e.kind() == ErrorKind::Unsupported && options.backend.is_none() => {
                say!("This system has no {} timers", backend.name());
                continue;
            }
            result => result?,
        };
        timer.arm_every(period)?;
        timers.push(Registered::new(&poller, timer, Event::readable(timers.len()), PollMode::Oneshot)?);
    }
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(socket.local_addr()?)?;
    let socket = Registered::new(&poller, socket, Event::readable(SOCKET), PollMode::Oneshot)?;
    tick(&poller, &timers, &socket)
}

/// Prints every event, and sends a message for each expiration, until every timer has expired often
/// enough.
fn tick(poller: &Poller, timers: &[Registered<TimerFd>], socket: &Registered<UdpSocket>) -> io::Result<()> {
    let mut totals = vec![0; timers.len()];
    let mut in_flight = 0;
    let mut events = Events::new();
    while in_flight > 0 || totals.iter().any(|&total| total < EXPIRATIONS) {
        events.clear();
        poller.wait(&mut events, None)?;
        for event in events.iter() {
            if event.key == SOCKET {
                let mut bytes = [0; 64];
                let length = socket.recv(&mut bytes)?;
                io::stdout().write_all(&bytes[..length])?;
                socket.modify(Event::readable(SOCKET), PollMode::Oneshot)?;
                in_flight -= 1;
                continue;
            }
            let timer = &timers[event.key];
            let name = timer.backend().name();
            let count = timer.read()?;
            timer.modify(Event::readable(event.key), PollMode::Oneshot)?;
            totals[event.key] += count;
            say!("The {name} timer expired {count} times");
            socket.send(format!("The socket brings word of the {name} timer\n").as_bytes())?;
            in_flight += 1;
        }
    }
    Ok(())
}
