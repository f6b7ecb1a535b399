//! The stop server with tokio: a task for each timer and each client.
//!
//! Run `cargo run --features tokio --example tokio_server`, with the arguments of `stop_server`. It
//! prints the same lines about timers and clients. To end it, run
//! `printf stop | nc 127.0.0.1 1234`.

mod common;

use common::client::{self, Accepted, Outcome};
use common::commands::Commands;
use common::timers;
use portable_timerfd::loops::tokio::TokioTimer;
use portable_timerfd::TimerFd;
use std::io;
use std::process::ExitCode;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

fn main() -> ExitCode {
    common::main(common::Takes::BackendAndAddress, |options| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(run(options))
    })
}

async fn run(options: &common::Options) -> io::Result<()> {
    let timers = timers::open(|clock| options.open(clock, true))?;
    let listener = TcpListener::from_std(options.listen()?)?;
    timers::arm(&timers)?;
    let mut tasks = JoinSet::new();
    // Notified each time that timer 1 expires.
    let (sender, mut ticks) = watch::channel(());
    for (timer, number) in timers.into_iter().zip(1..) {
        let ticks = (number == 1).then(|| sender.clone());
        tasks.spawn(print_expirations(number, timer, options.quiet, ticks));
    }
    let mut is_full = false;
    loop {
        tokio::select! {
            client = listener.accept(), if !is_full => match client::accepted(&listener, client)? {
                Accepted::Client(stream) => drop(tasks.spawn(serve(stream, sender.subscribe()))),
                Accepted::NoClient => {}
                Accepted::Full => is_full = true,
            },
            // A descriptor may have been closed since.
            _ = ticks.changed(), if is_full => is_full = false,
            Some(ended) = tasks.join_next() => if ended?? == Outcome::StopsServer {
                return Ok(());
            },
        }
    }
}

async fn print_expirations(
    number: usize,
    timer: TimerFd,
    quiet: bool,
    ticks: Option<watch::Sender<()>>,
) -> io::Result<Outcome> {
    let expirations = TokioTimer::new(timer)?;
    loop {
        client::print_count(number, expirations.wait().await?, quiet)?;
        ticks.iter().for_each(|ticks| ticks.send_replace(()));
    }
}

/// Serves a client until it closes the connection or stops the server.
async fn serve(mut stream: TcpStream, mut ticks: watch::Receiver<()>) -> io::Result<Outcome> {
    let mut commands = Commands::default();
    let mut bytes = [0; 1024];
    loop {
        tokio::select! {
            read = stream.read(&mut bytes) => match client::handle_read(&stream, &bytes, read, &mut commands)? {
                Outcome::Stays | Outcome::Waits => {}
                outcome => return Ok(outcome),
            },
            Ok(()) = ticks.changed() => client::serve_silent(&mut commands)?,
        }
    }
}
