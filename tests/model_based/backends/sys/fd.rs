//! Real pipes in nonblocking mode. A read that must wait waits in the model.

use crate::model::MODEL;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

pub(crate) const COUNT_SIZE: usize = 8;

pub(crate) type Identity = (u64, u64);

pub(crate) fn identity(number: RawFd) -> io::Result<Identity> {
    Ok((0, number.try_into().unwrap_or(0)))
}

pub(crate) fn write_count(fd: BorrowedFd<'_>, count: u64) -> io::Result<()> {
    let mut state = MODEL.lock();
    while state.holds_writes {
        state.is_write_held = true;
        MODEL.changed.notify_all();
        state = MODEL.changed.wait(state).unwrap();
    }
    assert!(state.is_write_end(fd.as_raw_fd(), file(fd).ok()), "a write by a number that was closed");
    if state.refuses_writes {
        state.refused += 1;
        return Err(Errno::ENOMEM.into());
    }
    nix::unistd::write(fd, &count.to_ne_bytes())?;
    MODEL.changed.notify_all();
    Ok(())
}

/// Returns the device and the inode of an open file.
pub(crate) fn file(fd: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let file = nix::sys::stat::fstat(fd)?;
    Ok((file.st_dev as u64, file.st_ino as u64))
}

/// Writes a message to the pipe with this read end, as another program may do.
#[allow(unsafe_code)]
pub(crate) fn write_from_outside(reader: &impl AsRawFd, count: u64) {
    let state = MODEL.lock();
    // SAFETY: the timer that has the read end also keeps the write end open.
    let writer = unsafe { BorrowedFd::borrow_raw(state.pipes[&reader.as_raw_fd()].writer) };
    assert_eq!(nix::unistd::write(writer, &count.to_ne_bytes()), Ok(COUNT_SIZE));
}

pub(crate) use write_count as write_count_unsignaled;

/// Reads once; waits if the descriptor is in blocking mode.
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let mut state = MODEL.lock();
    loop {
        match nix::unistd::read(fd, buffer) {
            Err(Errno::EAGAIN) if state.interrupts => {
                while state.handler_runs {
                    state = MODEL.changed.wait(state).unwrap();
                }
                return Err(Errno::EINTR.into());
            }
            Err(Errno::EAGAIN) if state.waits(fd.as_raw_fd()) => state = MODEL.changed.wait(state).unwrap(),
            read => return Ok(read?),
        }
    }
}

pub(crate) fn read_count(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut message = [0; COUNT_SIZE];
    let read = read(fd, &mut message)?;
    Ok((read == COUNT_SIZE).then_some(u64::from_ne_bytes(message)))
}

/// Reads once and never waits.
pub(crate) fn read_now(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let state = MODEL.lock();
    if state.refuses_reads {
        return Err(Errno::EIO.into());
    }
    let mut message = [0; COUNT_SIZE];
    let read = nix::unistd::read(fd, &mut message)?;
    Ok((read == COUNT_SIZE).then_some(u64::from_ne_bytes(message)))
}

/// Returns whether a read of this descriptor never waits in the model.
pub(crate) fn is_nonblocking(fd: &impl AsRawFd) -> io::Result<bool> {
    Ok(!MODEL.lock().waits(fd.as_raw_fd()))
}

pub(crate) fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let _state = MODEL.lock();
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], 0u8).unwrap() > 0
}

/// Waits without a limit if there is no deadline. A deadline counts as reached at once.
pub(crate) fn wait_readable<I>(fd: BorrowedFd<'_>, deadline: Option<I>) -> io::Result<bool> {
    let mut state = MODEL.lock();
    loop {
        let readable = poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], 0u8)? > 0;
        if readable || deadline.is_some() {
            return Ok(readable);
        }
        state = MODEL.changed.wait(state).unwrap();
    }
}

#[allow(unsafe_code)]
pub(crate) fn write_count_unlocked(writer: RawFd, count: u64) -> io::Result<()> {
    // SAFETY: `write_count` checks that the number still refers to this pipe.
    write_count(unsafe { BorrowedFd::borrow_raw(writer) }, count)
}
