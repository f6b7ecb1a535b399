//! Android.

use super::linux;
use super::platform::{System, POSIX};

// The C library has no `preadv2` before API level 33. Android kills an app that makes a system call
// that its C library does not use.
pub(crate) const SYSTEM: System =
    System { read_nowait: POSIX.read_nowait, examines_nowait_flag: POSIX.examines_nowait_flag, ..linux::SYSTEM };
