//! Runs the examples, and the servers among them.

use crate::common::backends_here;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Returns the program of an example. `cargo test` builds all examples together with the tests.
pub fn program(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.extend(["examples", name]);
    assert!(path.exists(), "build the examples first: cargo build --examples");
    Command::new(path)
}

/// Runs the check once for each backend.
pub fn on_every_backend(name: &str, check: impl Fn(Command, &str)) {
    for backend in backends_here().map(|backend| backend.name()) {
        let mut program = program(name);
        program.args(["--backend", backend]);
        check(program, backend);
    }
}

/// Held while a server is started. A process that has forked to execute another server still has
/// all descriptors of this one.
static STARTING: Mutex<()> = Mutex::new(());

/// A running server and its output.
pub struct Server {
    pub child: Child,
    /// `None` if the output was closed.
    lines: Option<BufReader<ChildStdout>>,
    pub address: String,
}

impl Server {
    pub fn start(mut program: Command) -> Server {
        let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = program.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        drop(starting);
        let mut server = Server { lines: child.stdout.take().map(BufReader::new), child, address: String::new() };
        let line = server.until("Listening on ");
        server.address = line.trim_start_matches("Listening on ").to_owned();
        server
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Closes the output, as a program does that reads only its beginning.
    #[allow(dead_code)] // Not all suites use it.
    pub fn close_output(&mut self) {
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        self.lines = None;
    }

    /// Reads lines until one begins with this text.
    pub fn until(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        let lines = self.lines.as_mut().expect("the output is open");
        while lines.read_line(&mut line).unwrap() > 0 {
            if line.starts_with(beginning) {
                return line.trim_end().to_owned();
            }
            line.clear();
        }
        panic!("the server ended without a line that begins with {beginning:?}");
    }

    /// Waits until the server has ended with success, and returns the rest of its output.
    pub fn end(mut self) -> String {
        let mut rest = String::new();
        self.lines.as_mut().map_or(Ok(0), |lines| lines.read_to_string(&mut rest)).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

/// Ends the server of a test that has failed.
impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if the server has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
