//! A client's bytes made into commands, however the network has cut them up.

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Stop,
    Unknown(String),
}

/// The bytes of one client that have not become commands yet.
///
/// A command ends with its line. One that is sent without a line's end, as by `printf stop | nc`, ends where the
/// client falls silent or goes on with `stop`, which acts as soon as it is there.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    silent: bool,
}

const STOP: &[u8] = b"stop";
/// No command is longer: a client can't fill the memory.
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

    /// The next whole command.
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

    /// Called from time to time: what stands there without a line's end since the last time is a command, unless it
    /// may still become `stop`.
    pub fn when_silent(&mut self) -> Option<Command> {
        let was_silent = std::mem::replace(&mut self.silent, true);
        if was_silent && !STOP.starts_with(&self.bytes) {
            self.rest()
        } else {
            None
        }
    }

    /// What is left when the client has closed its end.
    pub fn rest(&mut self) -> Option<Command> {
        self.take(self.bytes.len())
    }

    fn take(&mut self, length: usize) -> Option<Command> {
        let taken: Vec<u8> = self.bytes.drain(..length).collect();
        // Clients may send anything, also bytes that are no text.
        let text = String::from_utf8_lossy(&taken);
        // A terminal would obey control characters.
        let text = text.trim_end_matches(['\r', '\n']).replace(char::is_control, "\u{fffd}");
        (!text.is_empty()).then_some(Command::Unknown(text))
    }
}
