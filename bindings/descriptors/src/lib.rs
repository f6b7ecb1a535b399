//! The three calls of timerfd on timers that are known by their descriptors alone, as other languages have them: those of the kernel, or of
//! the userspace backend. There is one table of what is emulated, that of [`RawTimer`].
//!
//! What is not the emulation's is the kernel's to answer, so that a program may have timers of both.
//!
//! All of the crate's `unsafe` is the kernel's calls, and the C library's that Rust's has not.
#![warn(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod cancel;
mod clock;
mod itimerspec;
pub mod kernel;
mod thread;
pub mod userspace;

pub use itimerspec::Itimerspec;

use libc::c_int;
use std::io;
use timers::backends::userspace::RawTimer;

/// Whose timers are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The kernel's, or the emulation's where it has none.
    Best,
    Kernel,
    Userspace,
}

impl Backend {
    /// The backend of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Backend> {
        match name {
            b"kernel" => Some(Backend::Kernel),
            b"userspace" => Some(Backend::Userspace),
            _ => None,
        }
    }

    /// Its name, if it is one that can be asked for.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Backend::Best => None,
            Backend::Kernel => Some("kernel"),
            Backend::Userspace => Some("userspace"),
        }
    }
}

/// Whether there is no such call: then the emulation is asked.
fn is_absent<T>(answer: &io::Result<T>) -> bool {
    answer.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::Unsupported)
}

/// Whether a sandbox forbids the call. Alarm clocks need a capability, so that their error is true of each backend.
fn is_forbidden<T>(clockid: c_int, answer: &io::Result<T>) -> bool {
    let needs_no_privilege = clock::named(clockid).is_ok_and(|clock| !clock.is_alarm());
    needs_no_privilege && answer.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied)
}

/// `timerfd_create(2)`: a new timer's descriptor.
pub fn create(backend: Backend, clockid: c_int, flags: c_int) -> io::Result<c_int> {
    if backend == Backend::Userspace {
        return userspace::create(clockid, flags);
    }
    let made = kernel::create(clockid, flags);
    if backend == Backend::Best && (is_absent(&made) || is_forbidden(clockid, &made)) {
        return userspace::create(clockid, flags);
    }
    made
}

/// A call on the timer of a descriptor, whosoever's it is. The emulation, which is asked where the kernel can't be, is told why there is no
/// timer of its own.
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

/// `timerfd_settime(2)`: sets the timer of a descriptor; what was left of the old setting.
pub fn settime(fd: c_int, flags: c_int, new: &Itimerspec) -> io::Result<Itimerspec> {
    let by_kernel = || {
        let mut old = Itimerspec::default();
        // SAFETY: both are there for the time of the call.
        unsafe { kernel::settime(fd, flags, new, &mut old) }.map(|_| old)
    };
    call(fd, by_kernel, |timer| userspace::settime(timer, flags, new))
}

/// `timerfd_gettime(2)`: what is left of the setting of a descriptor's timer.
pub fn gettime(fd: c_int) -> io::Result<Itimerspec> {
    let by_kernel = || {
        let mut now = Itimerspec::default();
        // SAFETY: it is there for the time of the call.
        unsafe { kernel::gettime(fd, &mut now) }.map(|_| now)
    };
    call(fd, by_kernel, |timer| userspace::gettime(&timer?))
}
