//! A pipe made by way of a name, for systems where the pipes of `pipe(2)` cannot be distinguished.

use std::ffi::CString;
use std::fs::{symlink_metadata, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::{check, os_error, EINVAL};
use super::fd::set_modes;
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;
use crate::clock::Clock;

/// The folder to use if the one that the environment names is of no use.
const USUAL_FOLDER: &str = "/tmp";
/// The permissions of a FIFO: only its owner may open it.
const PRIVATE: u32 = 0o600;
/// The number of names that are tried in one folder, since another user may have taken some.
const NAMES: usize = 100;

/// Like [`pipe`](super::pipe::pipe), but with a number of its own in the file system of the
/// temporary folder, where it has a name for a moment.
///
/// The folder is `TMPDIR`, or `/tmp` if no FIFO can be made there. A relative `TMPDIR` is not used,
/// because another thread may change the current folder.
pub(crate) fn fifo(nonblocking: bool, close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = fifo_in_one_of(&[&std::env::temp_dir(), Path::new(USUAL_FOLDER)])?;
    (SYSTEM.take_no_sigpipe)(writer.as_fd())?;
    set_modes(&reader, nonblocking, close_on_exec)?;
    Ok((reader, writer))
}

/// Both ends of a new FIFO in the first of these folders where one can be made.
fn fifo_in_one_of(folders: &[&Path]) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut result = Err(os_error(libc::ENOENT));
    for folder in folders.iter().filter(|folder| folder.is_absolute()) {
        result = fifo_in(folder);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Both ends of a new FIFO in this folder. The name is removed.
fn fifo_in(folder: &Path) -> io::Result<(OwnedFd, OwnedFd)> {
    let name = Name::new(folder)?;
    name.give_permissions(folder)?;
    name.open()
}

/// The name of a new FIFO that only this user may open. The name is removed when it is dropped.
struct Name(PathBuf);

impl Name {
    fn new(folder: &Path) -> io::Result<Name> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mut result = Err(os_error(libc::EEXIST));
        for _ in 0..NAMES {
            // The time keeps other users from taking all names in advance.
            let (number, time) = (MADE.fetch_add(1, Ordering::Relaxed), Clock::Monotonic.now()?.as_nanos());
            result = Name::make(folder.join(format!("timerfd-{}-{number}-{time:x}", std::process::id())));
            if !matches!(&result, Err(e) if e.kind() == io::ErrorKind::AlreadyExists) {
                break;
            }
        }
        result
    }

    fn make(path: PathBuf) -> io::Result<Name> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| os_error(EINVAL))?;
        // SAFETY: `name` ends with a zero, and the call only reads it.
        check(unsafe { libc::mkfifo(name.as_ptr(), PRIVATE as libc::mode_t) })?;
        Ok(Name(path))
    }

    /// Gives the FIFO the permissions that the process's umask has withheld from its owner.
    ///
    /// The change goes by the name, as a FIFO without permissions cannot be opened. So it is made
    /// only in a folder where no other user can put another file in the FIFO's place.
    fn give_permissions(&self, folder: &Path) -> io::Result<()> {
        let made = symlink_metadata(&self.0)?;
        if made.mode() & PRIVATE == PRIVATE {
            return Ok(());
        }
        if !keeps_names(&std::fs::metadata(folder)?) || !is_ours(&made) {
            return Err(os_error(libc::EACCES));
        }
        std::fs::set_permissions(&self.0, Permissions::from_mode(PRIVATE))
    }

    /// Opens both ends and checks what was opened, because another user may have put another file
    /// in the FIFO's place. Neither call waits, whatever that file is.
    fn open(&self) -> io::Result<(OwnedFd, OwnedFd)> {
        let reader = open(&self.0, OpenOptions::new().read(true))?;
        let writer = above_the_standard_streams(0, || open(&self.0, OpenOptions::new().write(true)))?;
        if are_ends_of_one(&reader.metadata()?, &writer.metadata()?) {
            Ok((reader.into(), writer.into()))
        } else {
            Err(os_error(libc::EEXIST))
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY).open(path)
}

/// Whether these are the ends of one FIFO that only this user may open.
fn are_ends_of_one(reader: &Metadata, writer: &Metadata) -> bool {
    let is_private = |end: &Metadata| is_ours(end) && end.mode() & 0o777 == PRIVATE;
    is_private(reader) && is_private(writer) && (reader.dev(), reader.ino()) == (writer.dev(), writer.ino())
}

/// Whether this is a numbered FIFO of this user's. With a second name it may be one that the user
/// has made for something else, and to which another user has given this name.
fn is_ours(file: &Metadata) -> bool {
    file.file_type().is_fifo() && file.uid() == this_user() && file.nlink() == 1 && file.ino() != 0
}

/// Whether only this user and root can rename or remove what this user has made in the folder.
fn keeps_names(folder: &Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let is_shared = folder.mode() & 0o022 != 0 && folder.mode() & STICKY == 0;
    !is_shared && [0, this_user()].contains(&folder.uid())
}

fn this_user() -> u32 {
    // SAFETY: the call has no arguments and touches no memory.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests;
