//! illumos and Solaris.

use super::row::{System, POSIX};

// Their monotonic clock counts suspends on some machines (illumos: x86, by its time stamp counter) and on others not.
pub(crate) const SYSTEM: System = System { pipe2: Some(libc::pipe2), ..POSIX };
