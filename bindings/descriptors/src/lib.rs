//! The three calls of timerfd, for bindings to languages that have only descriptors of timers.
//!
//! The timers are those of the kernel or of the userspace backend. [`RawTimer`] has the registry of
//! emulated timers. A call on a descriptor that is not in the registry goes to the kernel, so a
//! program may have timers of both backends.
//!
//! The crate needs `unsafe` only for the kernel's calls, and for functions of the C library that
//! std does not offer.
#![warn(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod cancel;
mod capabilities;
mod clock;
pub mod environment;
mod itimerspec;
pub mod kernel;
pub mod owned;
mod read;
pub mod thread;
pub mod userspace;

pub use capabilities::capabilities;
pub use itimerspec::Itimerspec;
pub use read::{read, try_read};
pub use timers::Capabilities;

use libc::c_int;
use std::io;
use timers::bindings::RawTimer;

/// The backend that creates timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The kernel's timers if it has them, otherwise those of the userspace backend.
    Best,
    Kernel,
    Userspace,
}

impl Backend {
    /// Returns the backend with this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Backend> {
        match name {
            b"kernel" => Some(Backend::Kernel),
            b"userspace" => Some(Backend::Userspace),
            _ => None,
        }
    }

    /// Returns the name of the backend, or `None` for [`Backend::Best`], which has no name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Backend::Best => None,
            Backend::Kernel => Some("kernel"),
            Backend::Userspace => Some("userspace"),
        }
    }
}

/// Returns whether the kernel lacks the call. If so, the userspace backend takes the call.
fn is_absent<T>(answer: &io::Result<T>) -> bool {
    answer.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::Unsupported)
}

/// Returns whether a sandbox forbids the call.
///
/// Alarm clocks need a capability, so a permission error for them is not the sandbox's. The
/// userspace backend would return the same error.
fn is_forbidden<T>(clockid: c_int, answer: &io::Result<T>) -> bool {
    let needs_no_privilege = clock::named(clockid).is_ok_and(|clock| !clock.is_alarm());
    needs_no_privilege && answer.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied)
}

/// Calls the function of the backend. [`Backend::Best`] is the kernel, unless the kernel lacks the
/// call or a sandbox forbids it.
fn on_backend<T>(
    backend: Backend,
    clockid: c_int,
    kernel: impl FnOnce() -> io::Result<T>,
    userspace: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    if backend == Backend::Userspace {
        return userspace();
    }
    let answer = kernel();
    if backend == Backend::Best && (is_absent(&answer) || is_forbidden(clockid, &answer)) {
        return userspace();
    }
    answer
}

/// Replaces "unsupported" by the error that the system call would return.
fn with_errno(error: io::Error, unsupported: c_int) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported => io::Error::from_raw_os_error(unsupported),
        _ => error,
    }
}

/// `timerfd_create(2)`: creates a timer and returns its descriptor.
pub fn create(backend: Backend, clockid: c_int, flags: c_int) -> io::Result<c_int> {
    on_backend(backend, clockid, || kernel::create(clockid, flags), || userspace::create(clockid, flags))
}

/// Makes a call on the timer of a descriptor, with the backend that the timer belongs to.
///
/// If the kernel lacks the call, `userspace` is called with the error that says why the descriptor
/// is not an emulated timer.
pub fn call<T>(
    fd: c_int,
    kernel: impl FnOnce() -> io::Result<T>,
    userspace: impl FnOnce(io::Result<RawTimer>) -> io::Result<T>,
) -> io::Result<T> {
    let found = userspace::find(fd);
    if found.is_ok() {
        return userspace(found);
    }
    let answer = kernel();
    if is_absent(&answer) {
        return userspace(found);
    }
    answer
}

/// `timerfd_settime(2)`: sets the timer of a descriptor and returns its old setting.
pub fn settime(fd: c_int, flags: c_int, new: &Itimerspec) -> io::Result<Itimerspec> {
    let by_kernel = || {
        let mut old = Itimerspec::default();
        // SAFETY: both references are valid during the call.
        unsafe { kernel::settime(fd, flags, new, &mut old) }.map(|_| old)
    };
    call(fd, by_kernel, |timer| userspace::settime(timer, flags, new))
}

/// `timerfd_gettime(2)`: returns the remaining time and the interval of a descriptor's timer.
pub fn gettime(fd: c_int) -> io::Result<Itimerspec> {
    let by_kernel = || {
        let mut now = Itimerspec::default();
        // SAFETY: the reference is valid during the call.
        unsafe { kernel::gettime(fd, &mut now) }.map(|_| now)
    };
    call(fd, by_kernel, |timer| userspace::gettime(&timer?))
}
