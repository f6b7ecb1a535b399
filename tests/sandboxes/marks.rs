//! Marks between operations: a write that fails, which a tracer shows with its text.

use nix::libc;

/// From now on, the calling thread performs this operation.
pub fn mark(operation: &str) {
    const NO_DESCRIPTOR: libc::c_int = -1;
    // SAFETY: the text is valid for reads of its length.
    unsafe { libc::write(NO_DESCRIPTOR, operation.as_ptr().cast(), operation.len()) };
}

/// From now on, the calls of this thread belong to no operation.
pub fn outside() {
    mark(OUTSIDE);
}

pub const OUTSIDE: &str = "outside";
