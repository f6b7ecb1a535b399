//! A host of the outbox in tokio: a task waits for the outbox and for the connection.
//!
//! Run `cargo run -p outbox --example outbox_tokio`.

mod peer;

use outbox::{Action, Outbox};
use peer::Work;
use portable_timerfd::loops::tokio::TokioSource;
use portable_timerfd::{Clock, TimerFd};
use std::io::{self, Write};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::UnixStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let (connection, peer) = peer::start()?;
    connection.set_nonblocking(true)?;
    let (input, output) = UnixStream::from_std(connection)?.into_split();
    let outbox = Outbox::with_timer(TimerFd::new(Clock::Monotonic)?, peer::TIMING)?;
    let mut host = Host { outbox: TokioSource::new(outbox)?, output, work: Work::new() };
    let mut acknowledgements = BufReader::new(input).lines();

    host.work.send_next(host.outbox.get_mut())?;
    while !host.outbox.get_ref().is_idle() {
        tokio::select! {
            readable = host.outbox.readable() => {
                readable?;
                host.dispatch().await?;
            }
            line = acknowledgements.next_line() => {
                let line = line?.ok_or(io::ErrorKind::UnexpectedEof)?;
                host.receive(&line)?;
            }
        }
    }
    host.output.shutdown().await?;
    peer::finish(peer)
}

struct Host {
    outbox: TokioSource<Outbox>,
    output: OwnedWriteHalf,
    work: Work,
}

impl Host {
    /// Performs the actions of the outbox.
    async fn dispatch(&mut self) -> io::Result<()> {
        while let Some(action) = self.outbox.get_mut().dispatch()? {
            match action {
                Action::Transmit { id, messages } => {
                    writeln!(io::stdout(), "request {id}: transmitted")?;
                    self.output.write_all(format!("{id} {}\n", messages.join(",")).as_bytes()).await?;
                    let outbox = self.outbox.get_mut();
                    outbox.transmitted(id)?;
                    self.work.send_next(outbox)?;
                }
                Action::GiveUp { id, .. } => writeln!(io::stdout(), "request {id}: given up")?,
                Action::Heartbeat => self.output.write_all(b"heartbeat\n").await?,
            }
        }
        Ok(())
    }

    fn receive(&mut self, line: &str) -> io::Result<()> {
        let id = peer::id(line)?;
        if self.outbox.get_mut().acknowledged(id) {
            writeln!(io::stdout(), "request {id}: acknowledged")?;
        }
        Ok(())
    }
}
