//! Splits a client's bytes into commands, independent of how the network has split the bytes.

/// A command of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Stop,
    Unknown(String),
}

/// The bytes of one client that do not form a command yet.
///
/// A command ends with its line. A command without a newline, as sent by `printf stop | nc`, ends
/// when the client falls silent or continues with `stop`. `stop` takes effect as soon as it is
/// complete.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    silent: bool,
}

const STOP: &[u8] = b"stop";
/// The longest command, so that a client cannot exhaust the memory.
const LONGEST: usize = 1024;

impl Commands {
    pub fn feed(&mut self, bytes: &[u8]) {
        let begins_stop = bytes.starts_with(STOP) || STOP.starts_with(bytes);
        if begins_stop && !STOP.starts_with(&self.bytes) {
            self.bytes.push(b'\n');
        }
        self.bytes.extend_from_slice(bytes);
        self.silent = false;
    }

    /// Returns the next complete command.
    pub fn next(&mut self) -> Option<Command> {
        loop {
            if self.bytes.starts_with(STOP) {
                return Some(Command::Stop);
            }
            let line = self.bytes.iter().position(|&byte| byte == b'\n').map(|end| end + 1);
            let length = line.or((self.bytes.len() >= LONGEST).then_some(LONGEST))?;
            if let Some(command) = self.take(length) {
                return Some(command);
            }
        }
    }

    /// Returns the unfinished line as a command if nothing was received since the last call.
    ///
    /// The server calls this method periodically. A line that may still become `stop` is kept.
    pub fn when_silent(&mut self) -> Option<Command> {
        let was_silent = std::mem::replace(&mut self.silent, true);
        if was_silent && !STOP.starts_with(&self.bytes) {
            self.rest()
        } else {
            None
        }
    }

    /// Returns the unfinished line when the client has closed its end.
    pub fn rest(&mut self) -> Option<Command> {
        self.take(self.bytes.len())
    }

    fn take(&mut self, length: usize) -> Option<Command> {
        let taken: Vec<u8> = self.bytes.drain(..length).collect();
        // Clients may send bytes that are not text.
        let text = String::from_utf8_lossy(&taken);
        // A terminal would interpret control characters.
        let text = text.trim_end_matches(['\r', '\n']).replace(char::is_control, "\u{fffd}");
        (!text.is_empty()).then_some(Command::Unknown(text))
    }
}
