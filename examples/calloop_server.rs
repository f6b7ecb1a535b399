//! The stop server with calloop: three timers, a listener and clients in one `calloop::EventLoop`.
//!
//! Run `cargo run --features calloop-0-14 --example calloop_server`, with the arguments of
//! `stop_server`. It prints the same lines about timers and clients. To end it, run
//! `printf stop | nc 127.0.0.1 1234`.

mod common;

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use common::client::{self, Accepted, Outcome};
use common::commands::Commands;
use common::timers;
use portable_timerfd::loops::calloop_0_14::CalloopTimer;
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;

fn main() -> ExitCode {
    common::main(common::Takes::BackendAndAddress, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    let mut event_loop = EventLoop::try_new()?;
    let mut server = Server::new(options, event_loop.handle())?;
    while !server.is_stopped {
        event_loop.dispatch(None, &mut server)?;
    }
    Ok(())
}

/// The state that the callbacks share. The event sources are in the loop.
struct Server {
    handle: LoopHandle<'static, Server>,
    listener: RegistrationToken,
    /// The unfinished command of each client, by its descriptor.
    clients: BTreeMap<RawFd, Commands>,
    /// No client is accepted until timer 1 expires again.
    is_full: bool,
    /// Hides the lines about expirations.
    quiet: bool,
    is_stopped: bool,
}

/// A source that calloop reports when it is readable.
fn readable<T: std::os::fd::AsFd>(source: T) -> Generic<T> {
    Generic::new(source, Interest::READ, Mode::Level)
}

impl Server {
    fn new(options: &common::Options, handle: LoopHandle<'static, Server>) -> io::Result<Server> {
        let timers = timers::open(|clock| options.open(clock, true))?;
        let listener = readable(options.listen()?);
        let listener = handle
            .insert_source(listener, |_, listener, server| server.accept(listener))
            .map_err(|refused| refused.error)?;
        timers::arm(&timers)?;
        for (timer, number) in timers.into_iter().zip(1..) {
            let expirations = CalloopTimer::new(timer)?;
            let on_expiration =
                move |count: io::Result<u64>, _: &mut _, server: &mut Server| server.tick(number, count?);
            handle.insert_source(expirations, on_expiration).map_err(|refused| refused.error)?;
        }
        Ok(Server {
            handle,
            listener,
            clients: BTreeMap::new(),
            is_full: false,
            quiet: options.quiet,
            is_stopped: false,
        })
    }

    fn tick(&mut self, number: usize, count: u64) -> io::Result<PostAction> {
        client::print_count(number, count, self.quiet)?;
        if number == 1 {
            self.clients.values_mut().try_for_each(client::serve_silent)?;
            if std::mem::take(&mut self.is_full) {
                // A descriptor may have been closed since.
                self.handle.enable(&self.listener)?;
            }
        }
        Ok(PostAction::Continue)
    }

    fn accept(&mut self, listener: &TcpListener) -> io::Result<PostAction> {
        match client::accept(listener)? {
            Accepted::Client(stream) => {
                self.clients.insert(stream.as_raw_fd(), Commands::default());
                self.handle
                    .insert_source(readable(stream), |_, stream, server| server.serve(stream))
                    .map_err(|refused| refused.error)?;
            }
            Accepted::NoClient => {}
            Accepted::Full => {
                self.is_full = true;
                return Ok(PostAction::Disable);
            }
        }
        Ok(PostAction::Continue)
    }

    fn serve(&mut self, stream: &TcpStream) -> io::Result<PostAction> {
        let number = stream.as_raw_fd();
        let Some(commands) = self.clients.get_mut(&number) else { return Ok(PostAction::Remove) };
        match client::serve(stream, commands)? {
            Outcome::Stays | Outcome::Waits => {}
            Outcome::StopsServer => self.is_stopped = true,
            Outcome::Closes => {
                self.clients.remove(&number);
                return Ok(PostAction::Remove);
            }
        }
        Ok(PostAction::Continue)
    }
}
