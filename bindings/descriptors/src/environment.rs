//! Variables of the environment, read without a lock.

use std::ffi::{CStr, CString};

pub use timers::bindings::is_set_user_id;

/// Returns the value of a variable. A set-user-ID program ignores the environment, because its user
/// has set it.
pub fn value(name: &str) -> Option<&'static CStr> {
    let name = CString::new(name).ok()?;
    if is_set_user_id() {
        return None;
    }
    // std takes a lock to read the environment. A forked child may have inherited that lock held,
    // so this calls the C library instead.
    // SAFETY: the name is null-terminated.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: the value of a variable is a null-terminated string. As in any C program, no other
    // thread changes the environment meanwhile.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}
