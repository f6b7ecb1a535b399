//! Runs a program with a time limit.

use crate::build;
use crate::configurations::Configuration;
use libtest_mimic::Failed;
use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// A program that runs for so long has hung.
const LIMIT: Duration = Duration::from_secs(300);

/// The output of a program that succeeded.
pub struct Output {
    pub out: String,
    pub err: String,
}

fn end_all(group: Pid) {
    // The group may have no process left.
    let _ = killpg(group, Signal::SIGKILL);
}

/// A running program, in its own process group.
pub struct Running {
    pub child: Child,
    has_ended: bool,
    /// Ends the thread that watches for the limit when it is dropped.
    _watched: Sender<()>,
}

/// Starts a program, and a thread that kills it at the limit.
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
    /// Waits until the program ends, and kills its remaining children.
    ///
    /// The children would keep the program's output open.
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
            // Errors are ignored: the caller drops a running program only when it returns another
            // error.
            let _ = self.child.kill();
            let _ = self.end();
        }
    }
}

/// Reads everything in a thread.
pub fn all_of(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // If reading fails, the result is what was read before.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) -> Result<Output, Failed> {
    let mut running = start(command)?;
    let out = all_of(running.child.stdout.take().ok_or("no output")?);
    let err = all_of(running.child.stderr.take().ok_or("no errors")?);
    let status = running.end()?;
    let output = Output { out: out.join().map_err(|_| "lost output")?, err: err.join().map_err(|_| "lost errors")? };
    if status.success() {
        Ok(output)
    } else {
        Err(format!("{command:?}: {status}\n{}{}", output.out, output.err).into())
    }
}

/// Runs a program that checks its results itself and prints nothing.
pub fn succeeds(configuration: &Configuration, source: &'static str) -> Result<(), Failed> {
    let output = run(&mut configuration.command(&build::program(source, configuration.link)?)?)?;
    if output.err.is_empty() {
        Ok(())
    } else {
        Err(format!("it succeeded, but printed errors: {}", output.err).into())
    }
}
