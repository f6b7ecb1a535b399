//! A new pipe: its modes, what is inherited of it, whom it signals.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::error::{check, os_error, EBADF};
use super::fd::{identity, is_writable, lowest_duplicate, set_close_on_exec, set_modes, set_nonblocking, FIRST};
use super::fifo::fifo;
use super::fork_table::PipeEntry;
use super::nowait;
use super::standard_streams::above_the_standard_streams;
use super::system::{System, SYSTEM};

/// Both ends of a new pipe: the one to read from, with the flags asked for, and the one to write
/// to, which is non-blocking and always closed on `exec`.
///
/// The end to read from is not writable. Whoever writes sees to it that there is a reader; if there
/// is none all the same, no signal comes of it, where that would be one for the whole process.
///
/// # Platforms
///
/// Where there is no `pipe2`, a descriptor can leak into a program that another thread executes at
/// the same moment.
pub(crate) fn pipe(nonblocking: bool, close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    pipe_of(&SYSTEM, nonblocking, close_on_exec, ends.as_mut_ptr())
}

/// Like [`pipe`], but listed among the descriptors that a forked child closes. Its [`identity`]
/// distinguishes its descriptors from those of other files.
///
/// # Platforms
///
/// On NetBSD, OpenBSD and DragonFly pipes have no inode numbers. There a [`fifo`] takes the pipe's
/// place.
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

/// The numbers of the new pipe are stored at `ends` by the system itself.
fn pipe_of(
    system: &System,
    nonblocking: bool,
    close_on_exec: bool,
    ends: *mut RawFd,
) -> io::Result<(OwnedFd, OwnedFd)> {
    nowait::prepare();
    // The user's read end has the lowest number that is free, as any new descriptor.
    let (reader, mut writer) = above_the_standard_streams(1, || private_pipe(system, ends))?;
    if writer.as_raw_fd() < FIRST {
        // Another thread has closed a standard stream meanwhile.
        writer = lowest_duplicate(writer.as_raw_fd())?;
    }
    (system.use_one_page)(writer.as_fd());
    if system.pipes_may_go_both_ways {
        fill(&reader)?;
    }
    set_modes(&reader, nonblocking, close_on_exec)?;
    Ok((reader, writer))
}

/// A pipe whose ends are both non-blocking and closed on `exec`. `ends` is a valid place for two
/// descriptors.
fn private_pipe(system: &System, ends: *mut RawFd) -> io::Result<(OwnedFd, OwnedFd)> {
    if let Some(pipe2) = system.pipe2 {
        // SAFETY: `ends` is a valid place for two descriptors.
        check(unsafe { pipe2(ends, libc::O_CLOEXEC | libc::O_NONBLOCK | system.no_sigpipe) })?;
        return own(ends);
    }
    // SAFETY: as above.
    check(unsafe { libc::pipe(ends) })?;
    let (reader, writer) = own(ends)?;
    for end in [&reader, &writer] {
        set_close_on_exec(end, true)?;
        set_nonblocking(end, true)?;
    }
    (system.take_no_sigpipe)(writer.as_fd())?;
    Ok((reader, writer))
}

/// The descriptors that the system has just stored there.
fn own(ends: *const RawFd) -> io::Result<(OwnedFd, OwnedFd)> {
    // SAFETY: the callers give a valid place for two descriptors, to which only this thread writes.
    let [reader, writer] = unsafe { *ends.cast::<[RawFd; 2]>() };
    if reader < 0 || writer < 0 {
        // A signal's handler has forked since: this is the child, which has closed the pipe.
        return Err(os_error(EBADF));
    }
    // SAFETY: the system has just made both descriptors, and no other code knows them.
    Ok(unsafe { (OwnedFd::from_raw_fd(reader), OwnedFd::from_raw_fd(writer)) })
}

/// Fills the way from the end that users read from, in non-blocking mode, so that no poller finds
/// it writable.
///
/// Nobody reads what is written there, and it is gone with the pipe. Not by more than a page at
/// once, and no oftener than needed: FreeBSD would double its room for it, OpenBSD take one of its
/// few large ones.
fn fill(reader: &OwnedFd) -> io::Result<()> {
    const PAGE: [u8; 4096] = [0; 4096];
    while is_writable(reader.as_fd())? {
        match (SYSTEM.write)(reader.as_fd(), &PAGE) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            // It says that it is writable, and isn't.
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
        // SAFETY: asking for flags touches no memory.
        unsafe { libc::fcntl(end.as_raw_fd(), what) }
    }

    #[test]
    fn the_writing_end_neither_waits_nor_is_inherited_whatever_the_other_does() {
        for (nonblocking, close_on_exec) in [(true, true), (true, false), (false, true), (false, false)] {
            let (reader, writer) = pipe(nonblocking, close_on_exec).unwrap();
            for (end, waits, stays) in [(&reader, !nonblocking, close_on_exec), (&writer, false, true)] {
                assert_eq!(flags(end, libc::F_GETFL) & libc::O_NONBLOCK == 0, waits);
                assert_eq!(flags(end, libc::F_GETFD) & libc::FD_CLOEXEC != 0, stays);
            }
        }
    }

    #[test]
    fn a_pipe_made_without_pipe2_is_as_one_made_with_it() {
        for system in [SYSTEM, POSIX] {
            let (reader, writer) = private_pipe(&system, [-1; 2].as_mut_ptr()).unwrap();
            for end in [&reader, &writer] {
                assert_ne!(flags(end, libc::F_GETFL) & libc::O_NONBLOCK, 0);
                assert_eq!(flags(end, libc::F_GETFD), libc::FD_CLOEXEC);
            }
        }
    }

    /// A pair of sockets for a pipe, which go both ways everywhere. A mistake blocks the test for
    /// ever.
    #[test]
    fn a_pipe_that_goes_both_ways_is_made_not_writable_in_either_mode() {
        unsafe extern "C" fn both_ways(ends: *mut libc::c_int, _: libc::c_int) -> libc::c_int {
            let (reader, writer) = UnixStream::pair().unwrap();
            reader.set_nonblocking(true).unwrap();
            // SAFETY: the caller has place for two descriptors there.
            unsafe { ends.cast::<[RawFd; 2]>().write([reader.into_raw_fd(), writer.into_raw_fd()]) };
            0
        }
        let system = System { pipe2: Some(both_ways), pipes_may_go_both_ways: true, ..POSIX };
        for nonblocking in [true, false] {
            let (reader, _writer) = pipe_of(&system, nonblocking, true, [-1; 2].as_mut_ptr()).unwrap();
            assert!(!is_writable(reader.as_fd()).unwrap());
            assert_eq!(flags(&reader, libc::F_GETFL) & libc::O_NONBLOCK != 0, nonblocking);
        }
    }

    #[test]
    fn what_says_that_it_is_writable_and_takes_no_writes_is_left_alone() {
        let device = std::fs::File::open("/dev/null").unwrap();
        fill(&device.into()).unwrap();
    }

    /// On a pair of sockets, which go both ways everywhere.
    #[test]
    fn a_descriptor_that_was_filled_is_not_writable_and_can_be_read() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let reader = OwnedFd::from(reader);
        set_nonblocking(&reader, true).unwrap();
        let shown = || {
            let mut entry = [PollFd::new(reader.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)];
            poll(&mut entry, 0u8).unwrap();
            entry[0].revents().unwrap()
        };
        assert_eq!(shown(), PollFlags::POLLOUT);
        fill(&reader).unwrap();
        assert_eq!(shown(), PollFlags::empty());
        nix::unistd::write(&writer, &[0; 8]).unwrap();
        assert_eq!(shown(), PollFlags::POLLIN);
        assert_eq!(nix::unistd::read(&reader, &mut [0; 9]).unwrap(), 8);
    }
}
