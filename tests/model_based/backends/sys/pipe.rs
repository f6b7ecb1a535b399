//! A real pipe. The model knows whether its reader is in blocking mode.

use super::fd;
use super::fork_table::PipeEntry;
use crate::model::{Pipe, MODEL};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

pub(crate) fn pipe(nonblocking: bool, _close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    // Not every system has `pipe2`.
    let (reader, writer) = nix::unistd::pipe()?;
    for end in [&reader, &writer] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    let mut state = MODEL.lock();
    state.set_waits(reader.as_raw_fd(), !nonblocking);
    let pipe = Pipe { writer: writer.as_raw_fd(), file: fd::file(writer.as_fd()).unwrap() };
    state.pipes.insert(reader.as_raw_fd(), pipe);
    Ok((reader, writer))
}

pub(crate) fn listed_pipe(nonblocking: bool, close_on_exec: bool, _: &PipeEntry) -> io::Result<(OwnedFd, OwnedFd)> {
    pipe(nonblocking, close_on_exec)
}
