//! Miri, an interpreter that also supports pipes: POSIX, and the other calls that Miri implements.

use super::platform::{System, POSIX};
use super::threads::{Threads, INHERITED};

pub(crate) const SYSTEM: System = System {
    pipe2: Some(libc::pipe2),
    pipes_may_be_bidirectional: false,
    threads: Threads { has_attributes: false, ..INHERITED },
    ..POSIX
};
