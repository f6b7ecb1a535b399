//! One periodic timer of a second in an endless loop, until Ctrl-C.
//!
//! Run `cargo run --example reactor`, or with `-- --backend userspace`. It prints
//! `Timer triggered (1)` each second. If the process was stopped for a while (Ctrl-Z, `fg`), the
//! number counts the missed seconds. Ctrl-C ends it with status 0.

mod common;

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Clock, Registered};
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const TIMER: usize = 0;
const INTERRUPT: usize = 1;

fn main() -> ExitCode {
    common::main(common::Takes::Backend, run)
}

fn run(options: &common::Options) -> io::Result<()> {
    let poller = Arc::new(Poller::new()?);
    let (interrupt, sender) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, sender)?;
    let _interrupt = Registered::new(&poller, interrupt, Event::readable(INTERRUPT), PollMode::Oneshot)?;
    let timer = options.open(Clock::Monotonic, true)?;
    let timer = Registered::new(&poller, timer, Event::readable(TIMER), PollMode::Oneshot)?;
    timer.arm_every(Duration::from_secs(1))?;
    let mut events = Events::new();
    loop {
        events.clear();
        poller.wait(&mut events, None)?;
        for event in events.iter() {
            if event.key == INTERRUPT {
                return Ok(());
            }
            match timer.read() {
                Ok(count) => say!("Timer triggered ({count})"),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            timer.modify(Event::readable(TIMER), PollMode::Oneshot)?;
        }
    }
}
