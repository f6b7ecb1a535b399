//! Writing to a pipe that may have no reader, by a thread whose signals are its own.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

/// Blocks `SIGPIPE` in this thread for as long as the write takes, and takes one that comes of it.
pub(super) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let broken_pipe = only_sigpipe();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `broken_pipe` is a whole signal set, and `before` a place for one.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &broken_pipe, before.as_mut_ptr()) };
    // One that somebody else's write has left there stays.
    let was_pending = is_pending();
    let written = super::write(fd, bytes);
    if !was_pending && matches!(&written, Err(e) if e.raw_os_error() == Some(libc::EPIPE)) {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the set and the time are whole; nobody asks what came with the signal.
        unsafe { libc::sigtimedwait(&broken_pipe, std::ptr::null_mut(), &at_once) };
    }
    // SAFETY: the first call has stored the mask of before: it can't fail for the arguments it has.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    written
}

fn only_sigpipe() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `set` is a place for a signal set, which the first call makes an empty one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        set.assume_init()
    }
}

fn is_pending() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: `pending` is a place for a signal set, which the call makes a whole one.
    unsafe { libc::sigpending(pending.as_mut_ptr()) == 0 && libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    /// The test's runner ignores the signal, so that it is not the end of it that would show a
    /// mistake.
    #[test]
    fn a_write_without_a_reader_fails_and_leaves_no_signal_nor_takes_anothers() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        assert_eq!(write(writer.as_fd(), &[0; 8]).unwrap(), 8);
        drop(reader);
        // SAFETY: changing what this thread is signalled touches no memory; the handler of before
        // is put back.
        let handler = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        assert_eq!(write(writer.as_fd(), &[0; 8]).unwrap_err().raw_os_error(), Some(libc::EPIPE));
        assert!(!is_pending());
        let set = only_sigpipe();
        // SAFETY: the sets are whole; the thread's own pending signal is taken before it is let in
        // again.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            libc::raise(libc::SIGPIPE);
        }
        assert!(write(writer.as_fd(), &[0; 8]).is_err());
        assert!(is_pending(), "what was there is there");
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: as above.
        unsafe {
            assert_eq!(libc::sigtimedwait(&set, std::ptr::null_mut(), &at_once), libc::SIGPIPE);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
            libc::signal(libc::SIGPIPE, handler);
        }
    }
}
