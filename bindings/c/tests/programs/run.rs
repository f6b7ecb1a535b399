//! Runs a program, and ends it after minutes: whatever hangs for so long hangs for ever.

use crate::build;
use crate::rows::Row;
use libtest_mimic::Failed;
use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

/// What a program that succeeded said.
pub struct Said {
    pub out: String,
    pub err: String,
}

fn end_all(group: Pid) {
    // There may be nobody left in it.
    let _ = killpg(group, Signal::SIGKILL);
}

/// A program that is running, in a group of its own.
pub struct Running {
    pub child: Child,
    has_ended: bool,
    /// Once this is dropped, nobody watches for the limit any more.
    _watched: Sender<()>,
}

/// Starts a program, which a thread ends at the limit.
pub fn start(command: &mut Command) -> Result<Running, Failed> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn()?;
    let group = Pid::from_raw(child.id() as i32);
    let (_watched, is_running) = mpsc::channel();
    thread::spawn(move || {
        if is_running.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            end_all(group);
        }
    });
    Ok(Running { child, has_ended: false, _watched })
}

impl Running {
    /// Waits for its end, and ends the children that it left, who would keep its output open.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait();
        end_all(Pid::from_raw(self.child.id() as i32));
        self.has_ended = true;
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            // Whoever leaves it behind has an error of his own to tell.
            let _ = self.child.kill();
            let _ = self.end();
        }
    }
}

/// All that comes from there, read by a thread.
pub fn all_of(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is what there is to show.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) -> Result<Said, Failed> {
    let mut running = start(command)?;
    let out = all_of(running.child.stdout.take().ok_or("no output")?);
    let err = all_of(running.child.stderr.take().ok_or("no errors")?);
    let status = running.end()?;
    let said = Said { out: out.join().map_err(|_| "lost output")?, err: err.join().map_err(|_| "lost errors")? };
    if status.success() {
        Ok(said)
    } else {
        Err(format!("{command:?}: {status}\n{}{}", said.out, said.err).into())
    }
}

/// A program that checks everything itself, and has nothing to say.
pub fn succeeds(row: &Row, source: &'static str) -> Result<(), Failed> {
    let said = run(&mut row.command(&build::program(source, row.link)?)?)?;
    if said.err.is_empty() {
        Ok(())
    } else {
        Err(format!("it succeeded, and yet said: {}", said.err).into())
    }
}
