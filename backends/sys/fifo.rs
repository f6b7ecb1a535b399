//! A pipe made by way of a name, where pipes without one can't be told from each other.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::check;
use super::pipe::give_modes;
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;

/// Like [`pipe`](super::pipe::pipe), but with a number of its own in the file system of the
/// temporary folder, where it has a name for a moment.
pub(crate) fn fifo(nonblocking: bool, close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let name = Name::new()?;
    // In this order, neither waits for the other.
    let reader = open(&name.0, OpenOptions::new().read(true))?;
    let writer = above_the_standard_streams(0, || open(&name.0, OpenOptions::new().write(true)))?;
    drop(name);
    (SYSTEM.take_no_sigpipe)(writer.as_fd())?;
    give_modes(&reader, nonblocking, close_on_exec)?;
    Ok((reader, writer))
}

/// The name of a new pipe that only this user may open, until it is dropped.
struct Name(PathBuf);

impl Name {
    fn new() -> io::Result<Name> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("timerfd-{}-{number}", std::process::id()));
            let name = CString::new(path.as_os_str().as_bytes())?;
            // SAFETY: `name` ends with a zero.
            match check(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }) {
                Ok(_) => return Ok(Name(path)),
                // What another process of this number has left.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<OwnedFd> {
    let file: File = options.custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)?;
    if !file.metadata()?.file_type().is_fifo() {
        // Somebody else has put something there.
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::sys::fd::{identity, is_nonblocking, read_count, write_count};
    use std::os::fd::AsRawFd;

    #[test]
    fn each_is_a_pipe_of_its_own_without_a_name_and_in_the_mode_asked_for() {
        let (reader, writer) = fifo(false, true).unwrap();
        let (other, _writer) = fifo(true, true).unwrap();
        assert_ne!(identity(reader.as_raw_fd()).unwrap(), identity(other.as_raw_fd()).unwrap());
        assert_eq!(identity(reader.as_raw_fd()).unwrap(), identity(writer.as_raw_fd()).unwrap());
        write_count(writer.as_fd(), 7).unwrap();
        assert_eq!(read_count(reader.as_fd()).unwrap(), Some(7));
        assert!(
            !is_nonblocking(&reader).unwrap() && is_nonblocking(&writer).unwrap() && is_nonblocking(&other).unwrap()
        );
        let ours = format!("timerfd-{}-", std::process::id());
        let names = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with(&ours)));
    }
}
