//! A real pipe, of which the world knows whether its reader is to wait.

use super::fork_table::PipeEntry;
use crate::world::WORLD;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

pub(crate) fn pipe(nonblocking: bool, _close_on_exec: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    // Not by `pipe2`, which not every system has.
    let (reader, writer) = nix::unistd::pipe()?;
    for end in [&reader, &writer] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    WORLD.lock().set_waits(reader.as_raw_fd(), !nonblocking);
    Ok((reader, writer))
}

pub(crate) fn listed_pipe(nonblocking: bool, close_on_exec: bool, _: &PipeEntry) -> io::Result<(OwnedFd, OwnedFd)> {
    pipe(nonblocking, close_on_exec)
}
