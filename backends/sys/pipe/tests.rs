use super::*;
use crate::backends::sys::fd::{unread, write_count};
use crate::backends::sys::fork_table::reserve;
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

/// Linux has all flags, so there the test tries both ways of setting the modes.
#[test]
fn new_ends_have_the_same_modes_with_and_without_flags_at_their_creation() {
    let creators: [Create; 2] = [private_pipe, private_socket_pair];
    for (system, create) in [SYSTEM, POSIX].iter().flat_map(|system| creators.map(|create| (system, create))) {
        let (reader, writer) = create(system, [-1; 2].as_mut_ptr()).unwrap();
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
        let (reader, _writer) = make(&system, private_pipe, nonblocking, true, [-1; 2].as_mut_ptr()).unwrap();
        assert!(!is_writable(reader.as_fd()).unwrap());
        assert_eq!(flags(&reader, libc::F_GETFL) & libc::O_NONBLOCK != 0, nonblocking);
    }
}

fn events(reader: &OwnedFd) -> PollFlags {
    let mut entry = [PollFd::new(reader.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)];
    poll(&mut entry, 0u8).unwrap();
    entry[0].revents().unwrap()
}

/// An fd-only timer as NetBSD and OpenBSD have it.
fn socket_pair(nonblocking: bool) -> (OwnedFd, OwnedFd) {
    let system = System { pipes_lack_inodes: true, ..SYSTEM };
    let entry = reserve().unwrap();
    listed_pipe_of(&system, nonblocking, true, entry).unwrap()
}

#[test]
fn sockets_pass_counts_as_a_pipe_does_and_the_read_end_is_never_writable() {
    for nonblocking in [true, false] {
        let (reader, writer) = socket_pair(nonblocking);
        assert_eq!(flags(&reader, libc::F_GETFL) & libc::O_NONBLOCK != 0, nonblocking);
        for count in [7, 8] {
            assert_eq!(events(&reader), PollFlags::empty());
            assert_eq!(nowait::take_count(reader.as_fd()).unwrap(), 0);
            write_count(writer.as_fd(), count).unwrap();
            assert_eq!(events(&reader), PollFlags::POLLIN);
            assert_eq!(unread(reader.as_fd()).unwrap(), 8);
            assert_eq!(nowait::take_count(reader.as_fd()).unwrap(), count);
        }
        assert_eq!(flags(&reader, libc::F_GETFL) & libc::O_NONBLOCK != 0, nonblocking);
    }
}

#[test]
fn a_write_to_the_read_end_of_sockets_is_refused() {
    let (reader, writer) = socket_pair(true);
    for _ in 0..2 {
        let refusal = (SYSTEM.write)(reader.as_fd(), &[0]).unwrap_err();
        assert_eq!(refusal.kind(), io::ErrorKind::WouldBlock);
        write_count(writer.as_fd(), 1).unwrap();
        assert_eq!(nowait::take_count(reader.as_fd()).unwrap(), 1);
    }
}

/// A short read leaves the rest of the message, and a read with a bad address leaves it all. (On
/// OpenBSD, such a read discards it.)
#[test]
fn sockets_are_streams() {
    let (reader, writer) = socket_pair(true);
    write_count(writer.as_fd(), u64::MAX).unwrap();
    // SAFETY: the kernel refuses the address, so the call touches no memory.
    assert_eq!(unsafe { libc::read(reader.as_raw_fd(), 1 as *mut _, 8) }, -1);
    assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EFAULT));
    let mut bytes = [0; 8];
    assert_eq!(nix::unistd::read(&reader, &mut bytes[..3]).unwrap(), 3);
    assert_eq!(events(&reader), PollFlags::POLLIN);
    assert_eq!(nix::unistd::read(&reader, &mut bytes).unwrap(), 5);
    assert_eq!(events(&reader), PollFlags::empty());
}

#[test]
fn each_socket_has_an_identity_that_its_duplicates_share() {
    let pairs = [socket_pair(true), socket_pair(true)];
    let ends: Vec<&OwnedFd> = pairs.iter().flat_map(|(reader, writer)| [reader, writer]).collect();
    let of = |end: &OwnedFd| identity(end.as_raw_fd()).unwrap();
    for (at, end) in ends.iter().enumerate() {
        assert_eq!(of(&end.try_clone().unwrap()), of(end));
        assert!(ends[at + 1..].iter().all(|other| of(other) != of(end)));
    }
}

#[test]
fn lasting_identity_does_not_take_inode_0_for_the_identity_of_a_new_socket() {
    let mut inodes = [0, 5].into_iter();
    assert_eq!(lasting_identity(|| Ok((9, inodes.next().unwrap()))).unwrap(), (9, 5));
    let mut inodes = [4].into_iter();
    assert_eq!(lasting_identity(|| Ok((9, inodes.next().unwrap()))).unwrap(), (9, 4));
    assert_eq!(lasting_identity(|| Ok((9, 0))).unwrap(), (9, 0), "the platform gives no inodes");
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
    assert_eq!(events(&reader), PollFlags::POLLOUT);
    fill(&reader).unwrap();
    assert_eq!(events(&reader), PollFlags::empty());
    nix::unistd::write(&writer, &[0; 8]).unwrap();
    assert_eq!(events(&reader), PollFlags::POLLIN);
    assert_eq!(nix::unistd::read(&reader, &mut [0; 9]).unwrap(), 8);
}
