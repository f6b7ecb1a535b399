//! The creation of pipes, and of pairs of sockets that serve as pipes: their modes, their
//! inheritance, and the suppression of `SIGPIPE`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::error::{check, os_error, EBADF};
use super::fd::{
    identity, is_writable, lasting_identity, lowest_duplicate, set_close_on_exec, set_modes, set_nonblocking, Identity,
    FIRST,
};
use super::fork_table::PipeEntry;
use super::nowait;
use super::standard_streams::above_the_standard_streams;
use super::system::{System, SYSTEM};

/// Creates a pipe, and returns its read end and its write end.
///
/// The read end has the given modes and is not writable. The write end is always non-blocking and
/// closed on `exec`.
///
/// Callers write only while there is a reader. If there is no reader nevertheless, the write does
/// not raise `SIGPIPE` on platforms where that signal would be sent to the whole process.
///
/// # Platforms
///
/// On platforms without `pipe2`, a descriptor can leak into a program that another thread executes
/// at the same moment.
pub(crate) fn pipe(nonblocking: bool, close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    make(&SYSTEM, private_pipe, nonblocking, close_on_exec, ends.as_mut_ptr())
}

/// Creates a [`pipe`] that is listed among the descriptors that a forked child closes.
///
/// The read end has an [`identity`] that distinguishes its descriptors from those of other files.
///
/// # Platforms
///
/// On NetBSD, OpenBSD and older releases of DragonFly, pipes have no inode numbers. On these
/// platforms, the ends are connected sockets.
pub(crate) fn listed_pipe(nonblocking: bool, close_on_exec: bool, entry: &PipeEntry) -> io::Result<(OwnedFd, OwnedFd)> {
    listed_pipe_of(&SYSTEM, nonblocking, close_on_exec, entry)
}

pub(super) fn listed_pipe_of(
    system: &System,
    nonblocking: bool,
    close_on_exec: bool,
    entry: &PipeEntry,
) -> io::Result<(OwnedFd, OwnedFd)> {
    let create = if system.pipes_lack_inodes { private_socket_pair } else { private_pipe };
    let (mut reader, mut writer) = make(system, create, nonblocking, close_on_exec, entry.ends())?;
    let mut identities = identities(&reader, &writer)?;
    if identities[0].1 == 0 {
        entry.clear();
        drop((reader, writer));
        (reader, writer) = make(system, private_socket_pair, nonblocking, close_on_exec, entry.ends())?;
        identities = self::identities(&reader, &writer)?;
    }
    entry.set_ends(&reader, &writer);
    entry.identify(identities);
    Ok((reader, writer))
}

/// Returns the identities of the read end and of the write end. They can differ.
fn identities(reader: &OwnedFd, writer: &OwnedFd) -> io::Result<[Identity; 2]> {
    let identity = |end: &OwnedFd| lasting_identity(|| identity(end.as_raw_fd()));
    Ok([identity(reader)?, identity(writer)?])
}

/// A function that creates two ends which are non-blocking and closed on `exec`. The pointer must
/// be valid for writes of two descriptors.
type Create = fn(&System, *mut RawFd) -> io::Result<(OwnedFd, OwnedFd)>;

/// Creates a pipe, or a pair of sockets, and sets the modes of the read end. The system call stores
/// the numbers of the descriptors at `ends`, where a forked child finds them.
fn make(
    system: &System,
    create: Create,
    nonblocking: bool,
    close_on_exec: bool,
    ends: *mut RawFd,
) -> io::Result<(OwnedFd, OwnedFd)> {
    nowait::prepare();
    // The user's read end gets the lowest free number, like any new descriptor.
    let (reader, mut writer) = above_the_standard_streams(1, || create(system, ends))?;
    if writer.as_raw_fd() < FIRST {
        // Another thread has closed a standard stream in the meantime.
        writer = lowest_duplicate(writer.as_raw_fd())?;
    }
    set_modes(&reader, nonblocking, close_on_exec)?;
    Ok((reader, writer))
}

/// Creates a pipe, and fills the read end if it may be writable.
fn private_pipe(system: &System, ends: *mut RawFd) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = if let Some(pipe2) = system.pipe2 {
        // SAFETY: `ends` is valid for writes of two descriptors.
        check(unsafe { pipe2(ends, libc::O_CLOEXEC | libc::O_NONBLOCK | system.no_sigpipe) })?;
        own(ends)?
    } else {
        // SAFETY: `ends` is valid for writes of two descriptors.
        check(unsafe { libc::pipe(ends) })?;
        make_private(system, own(ends)?)?
    };
    (system.shrink_to_one_page)(writer.as_fd());
    if system.pipes_may_be_bidirectional {
        fill(&reader)?;
    }
    Ok((reader, writer))
}

/// Creates a pair of connected sockets, and fills the read end.
fn private_socket_pair(system: &System, ends: *mut RawFd) -> io::Result<(OwnedFd, OwnedFd)> {
    // SAFETY: `ends` is valid for writes of two descriptors.
    check(unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | system.socket_flags, 0, ends) })?;
    let mut sockets = own(ends)?;
    if system.socket_flags == 0 {
        sockets = make_private(system, sockets)?;
    }
    (system.shrink_send_buffer)(sockets.0.as_fd());
    fill(&sockets.0)?;
    Ok(sockets)
}

/// Makes both ends non-blocking and closed on `exec`, and prevents `SIGPIPE`.
fn make_private(system: &System, (reader, writer): (OwnedFd, OwnedFd)) -> io::Result<(OwnedFd, OwnedFd)> {
    for end in [&reader, &writer] {
        set_close_on_exec(end, true)?;
        set_nonblocking(end, true)?;
    }
    (system.set_no_sigpipe)(writer.as_fd())?;
    Ok((reader, writer))
}

/// Takes ownership of the descriptors that the system has just stored at `ends`.
fn own(ends: *const RawFd) -> io::Result<(OwnedFd, OwnedFd)> {
    // SAFETY: the callers pass a pointer that is valid for two descriptors, to which only this
    // thread writes.
    let [reader, writer] = unsafe { *ends.cast::<[RawFd; 2]>() };
    if reader < 0 || writer < 0 {
        // A signal handler has forked in the meantime. This is the child, which has closed the
        // pipe.
        return Err(os_error(EBADF));
    }
    // SAFETY: the system has just created both descriptors, and no other code knows them.
    Ok(unsafe { (OwnedFd::from_raw_fd(reader), OwnedFd::from_raw_fd(writer)) })
}

/// Fills the buffer that the user's read end would write to, so that no poller reports the read end
/// as writable.
///
/// The read end must be non-blocking. The bytes are never read, and disappear with the pipe. Each
/// write has at most one page, and no write is made that is not needed: after a larger write,
/// FreeBSD would double the buffer, and OpenBSD would use one of its few large buffers.
fn fill(reader: &OwnedFd) -> io::Result<()> {
    const PAGE: [u8; 4096] = [0; 4096];
    while is_writable(reader.as_fd())? {
        match (SYSTEM.write)(reader.as_fd(), &PAGE) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            // `poll` reports the descriptor as writable, although it is not.
            Err(e) if e.raw_os_error() == Some(libc::EBADF) => break,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
