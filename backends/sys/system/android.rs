//! Android.

use super::linux;
use super::row::{System, POSIX};

// `preadv2` is not among the calls of its C library before API level 33, and a call that is not kills the app that makes it.
pub(crate) const SYSTEM: System = System {
    read_told_not_to_wait: POSIX.read_told_not_to_wait,
    examines_the_flag: POSIX.examines_the_flag,
    ..linux::SYSTEM
};
