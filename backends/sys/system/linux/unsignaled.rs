//! Writes to a pipe that may have no reader, on a thread that may receive signals.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

/// Writes while `SIGPIPE` is blocked in this thread, and discards a `SIGPIPE` that the write
/// raises.
pub(super) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let broken_pipe = only_sigpipe();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `broken_pipe` is an initialized signal set, and `before` is valid for writes of one.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &broken_pipe, before.as_mut_ptr()) };
    // A `SIGPIPE` that was already pending is not discarded.
    let was_pending = is_pending();
    let written = super::write(fd, bytes);
    if !was_pending && matches!(&written, Err(e) if e.raw_os_error() == Some(libc::EPIPE)) {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the set and the time are initialized. The call allows null for the details of the
        // signal.
        unsafe { libc::sigtimedwait(&broken_pipe, std::ptr::null_mut(), &at_once) };
    }
    // SAFETY: the first call has stored the previous mask. With its arguments, it cannot fail.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    written
}

fn only_sigpipe() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `set` is valid for writes of a signal set, and the first call initializes it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        set.assume_init()
    }
}

fn is_pending() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: `pending` is valid for writes of a signal set, and the first call initializes it.
    unsafe { libc::sigpending(pending.as_mut_ptr()) == 0 && libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    /// Test runners ignore `SIGPIPE`, so the test sets the default action. Then a bug ends the
    /// process.
    #[test]
    fn a_write_without_a_reader_raises_no_sigpipe_and_keeps_a_pending_one() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        assert_eq!(write(writer.as_fd(), &[0; 8]).unwrap(), 8);
        drop(reader);
        // SAFETY: the call touches no memory, and the previous handler is restored below.
        let handler = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        assert_eq!(write(writer.as_fd(), &[0; 8]).unwrap_err().raw_os_error(), Some(libc::EPIPE));
        assert!(!is_pending());
        let set = only_sigpipe();
        // SAFETY: the set is initialized. The pending signal is consumed below before it is
        // unblocked.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            libc::raise(libc::SIGPIPE);
        }
        assert!(write(writer.as_fd(), &[0; 8]).is_err());
        assert!(is_pending(), "the earlier signal is still pending");
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the set and the time are initialized, and the handler is the previous one.
        unsafe {
            assert_eq!(libc::sigtimedwait(&set, std::ptr::null_mut(), &at_once), libc::SIGPIPE);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
            libc::signal(libc::SIGPIPE, handler);
        }
    }
}
