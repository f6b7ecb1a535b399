//! The creation of pipes: their modes, their inheritance, and the suppression of `SIGPIPE`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::error::{check, os_error, EBADF};
use super::fd::{identity, is_writable, lowest_duplicate, set_close_on_exec, set_modes, set_nonblocking, FIRST};
use super::fifo::fifo;
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
    pipe_of(&SYSTEM, nonblocking, close_on_exec, ends.as_mut_ptr())
}

/// Creates a [`pipe`] that is listed among the descriptors that a forked child closes.
///
/// The pipe has an [`identity`] that distinguishes its descriptors from those of other files.
///
/// # Platforms
///
/// On NetBSD, OpenBSD and DragonFly, pipes have no inode numbers. On these platforms, the result is
/// a [`fifo`].
pub(crate) fn listed_pipe(nonblocking: bool, close_on_exec: bool, entry: &PipeEntry) -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut reader, mut writer) = pipe_of(&SYSTEM, nonblocking, close_on_exec, entry.ends())?;
    if identity(reader.as_raw_fd())?.1 == 0 {
        entry.clear();
        drop((reader, writer));
        (reader, writer) = fifo(nonblocking, close_on_exec)?;
    }
    entry.set_ends(&reader, &writer);
    entry.identify(identity(reader.as_raw_fd())?);
    Ok((reader, writer))
}

/// Creates a pipe. The system call stores the numbers of the descriptors at `ends`, where a forked
/// child finds them.
fn pipe_of(
    system: &System,
    nonblocking: bool,
    close_on_exec: bool,
    ends: *mut RawFd,
) -> io::Result<(OwnedFd, OwnedFd)> {
    nowait::prepare();
    // The user's read end gets the lowest free number, like any new descriptor.
    let (reader, mut writer) = above_the_standard_streams(1, || private_pipe(system, ends))?;
    if writer.as_raw_fd() < FIRST {
        // Another thread has closed a standard stream in the meantime.
        writer = lowest_duplicate(writer.as_raw_fd())?;
    }
    (system.shrink_to_one_page)(writer.as_fd());
    if system.pipes_may_be_bidirectional {
        fill(&reader)?;
    }
    set_modes(&reader, nonblocking, close_on_exec)?;
    Ok((reader, writer))
}

/// Creates a pipe whose ends are both non-blocking and closed on `exec`. `ends` must be valid for
/// writes of two descriptors.
fn private_pipe(system: &System, ends: *mut RawFd) -> io::Result<(OwnedFd, OwnedFd)> {
    if let Some(pipe2) = system.pipe2 {
        // SAFETY: `ends` is valid for writes of two descriptors.
        check(unsafe { pipe2(ends, libc::O_CLOEXEC | libc::O_NONBLOCK | system.no_sigpipe) })?;
        return own(ends);
    }
    // SAFETY: `ends` is valid for writes of two descriptors.
    check(unsafe { libc::pipe(ends) })?;
    let (reader, writer) = own(ends)?;
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
mod tests {
    use super::*;
    use crate::backends::sys::system::POSIX;
    use nix::poll::{poll, PollFd, PollFlags};
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;

    fn flags(end: &OwnedFd, what: libc::c_int) -> libc::c_int {
        // SAFETY: reading flags touches no memory.
        unsafe { libc::fcntl(end.as_raw_fd(), what) }
    }

    #[test]
    fn the_write_end_is_nonblocking_and_close_on_exec_in_every_mode_of_the_read_end() {
        for (nonblocking, close_on_exec) in [(true, true), (true, false), (false, true), (false, false)] {
            let (reader, writer) = pipe(nonblocking, close_on_exec).unwrap();
            for (end, nonblocking, close_on_exec) in [(&reader, nonblocking, close_on_exec), (&writer, true, true)] {
                assert_eq!(flags(end, libc::F_GETFL) & libc::O_NONBLOCK != 0, nonblocking);
                assert_eq!(flags(end, libc::F_GETFD) & libc::FD_CLOEXEC != 0, close_on_exec);
            }
        }
    }

    #[test]
    fn a_pipe_has_the_same_modes_with_and_without_pipe2() {
        for system in [SYSTEM, POSIX] {
            let (reader, writer) = private_pipe(&system, [-1; 2].as_mut_ptr()).unwrap();
            for end in [&reader, &writer] {
                assert_ne!(flags(end, libc::F_GETFL) & libc::O_NONBLOCK, 0);
                assert_eq!(flags(end, libc::F_GETFD), libc::FD_CLOEXEC);
            }
        }
    }

    /// Uses a pair of sockets as the pipe, because sockets are bidirectional on every platform. A
    /// bug blocks the test forever.
    #[test]
    fn the_read_end_of_a_bidirectional_pipe_is_not_writable_in_either_mode() {
        unsafe extern "C" fn bidirectional(ends: *mut libc::c_int, _: libc::c_int) -> libc::c_int {
            let (reader, writer) = UnixStream::pair().unwrap();
            reader.set_nonblocking(true).unwrap();
            // SAFETY: `ends` is valid for writes of two descriptors.
            unsafe { ends.cast::<[RawFd; 2]>().write([reader.into_raw_fd(), writer.into_raw_fd()]) };
            0
        }
        let system = System { pipe2: Some(bidirectional), pipes_may_be_bidirectional: true, ..POSIX };
        for nonblocking in [true, false] {
            let (reader, _writer) = pipe_of(&system, nonblocking, true, [-1; 2].as_mut_ptr()).unwrap();
            assert!(!is_writable(reader.as_fd()).unwrap());
            assert_eq!(flags(&reader, libc::F_GETFL) & libc::O_NONBLOCK != 0, nonblocking);
        }
    }

    #[test]
    fn fill_ignores_a_descriptor_that_polls_as_writable_but_refuses_writes() {
        let device = std::fs::File::open("/dev/null").unwrap();
        fill(&device.into()).unwrap();
    }

    /// Uses a pair of sockets, which are bidirectional on every platform.
    #[test]
    fn a_filled_descriptor_is_readable_but_not_writable() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let reader = OwnedFd::from(reader);
        set_nonblocking(&reader, true).unwrap();
        let events = || {
            let mut entry = [PollFd::new(reader.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)];
            poll(&mut entry, 0u8).unwrap();
            entry[0].revents().unwrap()
        };
        assert_eq!(events(), PollFlags::POLLOUT);
        fill(&reader).unwrap();
        assert_eq!(events(), PollFlags::empty());
        nix::unistd::write(&writer, &[0; 8]).unwrap();
        assert_eq!(events(), PollFlags::POLLIN);
        assert_eq!(nix::unistd::read(&reader, &mut [0; 9]).unwrap(), 8);
    }
}
