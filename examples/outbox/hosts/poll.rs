//! A host of the outbox with a `poll(2)` loop: the descriptor of the outbox is one of two.
//!
//! Run `cargo run -p outbox --example outbox_poll`.

mod peer;

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use outbox::{Action, Outbox};
use peer::Work;
use portable_timerfd::{Clock, TimerFd};
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

fn main() -> io::Result<()> {
    let (connection, peer) = peer::start()?;
    let mut host = Host {
        outbox: Outbox::with_timer(TimerFd::new(Clock::Monotonic)?, peer::TIMING)?,
        acknowledgements: BufReader::new(connection.try_clone()?),
        connection,
        work: Work::new(),
    };
    host.work.send_next(&mut host.outbox)?;
    while !host.outbox.is_idle() {
        let (is_due, is_answered) = host.wait()?;
        if is_due {
            host.dispatch()?;
        }
        if is_answered {
            host.receive()?;
        }
    }
    host.connection.shutdown(Shutdown::Write)?;
    peer::finish(peer)
}

struct Host {
    outbox: Outbox,
    connection: UnixStream,
    acknowledgements: BufReader<UnixStream>,
    work: Work,
}

impl Host {
    /// Waits for the outbox and for the peer.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut polled = [readable(self.outbox.as_fd()), readable(self.connection.as_fd())];
        poll(&mut polled, PollTimeout::NONE)?;
        Ok((polled[0].any() == Some(true), polled[1].any() == Some(true)))
    }

    /// Performs the actions of the outbox. The socket buffers all that this host writes.
    fn dispatch(&mut self) -> io::Result<()> {
        while let Some(action) = self.outbox.dispatch()? {
            match action {
                Action::Transmit { id, messages } => {
                    writeln!(io::stdout(), "request {id}: transmitted")?;
                    self.connection.write_all(format!("{id} {}\n", messages.join(",")).as_bytes())?;
                    self.outbox.transmitted(id)?;
                    self.work.send_next(&mut self.outbox)?;
                }
                Action::GiveUp { id, .. } => writeln!(io::stdout(), "request {id}: given up")?,
                Action::Heartbeat => self.connection.write_all(b"heartbeat\n")?,
            }
        }
        Ok(())
    }

    /// Reads acknowledgements: one, and those that were read together with it.
    fn receive(&mut self) -> io::Result<()> {
        loop {
            let mut line = String::new();
            if self.acknowledgements.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let id = peer::id(&line)?;
            if self.outbox.acknowledged(id) {
                writeln!(io::stdout(), "request {id}: acknowledged")?;
            }
            if self.acknowledgements.buffer().is_empty() {
                return Ok(());
            }
        }
    }
}
