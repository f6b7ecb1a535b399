//! Reads a variable of the environment, if the environment can be trusted.

use std::env;
use std::ffi::OsString;

use super::system::SYSTEM;

/// Returns the value of a variable, or `None` if it is not set.
///
/// Also returns `None` in a program that has more privileges than the user who started it, because
/// that user has set the environment.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    // The `getenv` of the C library must not be called while another thread calls `set_var` of std.
    env::var_os(name).filter(|_| !(SYSTEM.is_set_user_id)())
}

/// Returns whether the program has more privileges than the user who started it.
#[cfg(feature = "__bindings")]
pub fn is_set_user_id() -> bool {
    (SYSTEM.is_set_user_id)()
}
