//! Creates a FIFO in place of a pipe, on platforms where the pipes of `pipe(2)` have no identity.

use std::ffi::CString;
use std::fs::{symlink_metadata, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clock;
use super::error::{check, os_error, EINVAL};
use super::fd::set_modes;
use super::standard_streams::above_the_standard_streams;
use super::system::SYSTEM;
use crate::clock::Clock;

/// The directory to use if no FIFO can be created in the one that the environment names.
const DEFAULT_DIRECTORY: &str = "/tmp";
/// The permissions of a FIFO: only its owner may open it.
const PRIVATE: u32 = 0o600;
/// The maximum number of names to try in one directory. Another user may have taken some names.
const NAMES: usize = 100;

/// Creates a FIFO with the modes of a pipe, and returns its read end and its write end.
///
/// The FIFO has an inode number of its own in the file system of the temporary directory. Its name
/// is removed at once. The directory is `TMPDIR`, or `/tmp` if no FIFO can be created there. A
/// relative `TMPDIR` is not used, because another thread may change the current directory.
pub(crate) fn fifo(nonblocking: bool, close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = fifo_in_one_of(&[&std::env::temp_dir(), Path::new(DEFAULT_DIRECTORY)])?;
    (SYSTEM.set_no_sigpipe)(writer.as_fd())?;
    set_modes(&reader, nonblocking, close_on_exec)?;
    Ok((reader, writer))
}

/// Creates a FIFO in the first of these directories where this is possible.
fn fifo_in_one_of(directories: &[&Path]) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut result = Err(os_error(libc::ENOENT));
    for directory in directories.iter().filter(|directory| directory.is_absolute()) {
        result = fifo_in(directory);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Creates a FIFO in this directory, opens both ends, and removes the name.
fn fifo_in(directory: &Path) -> io::Result<(OwnedFd, OwnedFd)> {
    let name = Name::new(directory)?;
    name.give_permissions(directory)?;
    name.open()
}

/// The name of a new FIFO that only this user may open. Dropping it removes the name.
struct Name(PathBuf);

impl Name {
    fn new(directory: &Path) -> io::Result<Name> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mut result = Err(os_error(libc::EEXIST));
        for _ in 0..NAMES {
            // The time prevents other users from taking all names in advance.
            let (number, time) = (MADE.fetch_add(1, Ordering::Relaxed), clock::now(Clock::Monotonic)?.as_nanos());
            result = Name::make(directory.join(format!("timerfd-{}-{number}-{time:x}", std::process::id())));
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

    /// Gives the FIFO the permissions that the umask of the process has removed.
    ///
    /// A FIFO without permissions cannot be opened, so the permissions are changed by name. This is
    /// done only in a directory where no other user can replace the FIFO by another file.
    fn give_permissions(&self, directory: &Path) -> io::Result<()> {
        let made = symlink_metadata(&self.0)?;
        if made.mode() & PRIVATE == PRIVATE {
            return Ok(());
        }
        if !protects_names(&std::fs::metadata(directory)?) || !is_ours(&made) {
            return Err(os_error(libc::EACCES));
        }
        std::fs::set_permissions(&self.0, Permissions::from_mode(PRIVATE))
    }

    /// Opens both ends, and checks that they belong to one FIFO of this user, because another user
    /// may have replaced the FIFO by another file. No call waits, whatever the type of that file.
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

/// Whether this is a FIFO of this user that has an inode number and only one name.
///
/// A FIFO with two names may have been created by this user for another purpose, and another user
/// may have given it the second name.
fn is_ours(file: &Metadata) -> bool {
    file.file_type().is_fifo() && file.uid() == this_user() && file.nlink() == 1 && file.ino() != 0
}

/// Whether only this user and root can rename or remove this user's files in the directory.
fn protects_names(directory: &Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let is_shared = directory.mode() & 0o022 != 0 && directory.mode() & STICKY == 0;
    !is_shared && [0, this_user()].contains(&directory.uid())
}

fn this_user() -> u32 {
    // SAFETY: the call has no arguments and touches no memory.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests;
