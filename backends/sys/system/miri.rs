//! Miri, which interprets a program, its pipes too: POSIX, and the calls beyond it that Miri has a notion of.

use super::row::{System, POSIX};
use super::threads::{Threads, INHERITED};

pub(crate) const SYSTEM: System = System {
    pipe2: Some(libc::pipe2),
    pipes_may_go_both_ways: false,
    threads: Threads { has_attributes: false, ..INHERITED },
    ..POSIX
};
