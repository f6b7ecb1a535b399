//! Marks between operations: a write that fails, which a tracer shows with its text.

use nix::libc;

/// What the calling thread does from now on is this operation.
pub fn mark(operation: &str) {
    const NO_DESCRIPTOR: libc::c_int = -1;
    // SAFETY: the text is valid for reads of its length.
    unsafe { libc::write(NO_DESCRIPTOR, operation.as_ptr().cast(), operation.len()) };
}

/// What the calling thread does from now on is the program's own.
pub fn outside() {
    mark(OUTSIDE);
}

pub const OUTSIDE: &str = "outside";
