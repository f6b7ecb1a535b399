//! Two ways of reading without waiting.

use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::backends::sys::error::check;

/// One system call, where the kernel has it for such a descriptor; `None` where it has not.
pub(super) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let mut place = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let current: libc::c_long = -1;
    // SAFETY: `place` describes `buffer`, which is valid for writes of its length. Its address is
    // passed as the system call wants it, and an offset of -1, in two halves, is the present
    // position.
    let read = check(unsafe {
        libc::syscall(
            libc::SYS_preadv2,
            libc::c_long::from(fd.as_raw_fd()),
            std::ptr::addr_of_mut!(place),
            1 as libc::c_long,
            current,
            current,
            libc::c_long::from(libc::RWF_NOWAIT),
        )
    });
    match read {
        Ok(read) => Ok(Some(read.unsigned_abs() as usize)),
        // The kernel is too old, or a sandbox knows no better.
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// An open file description of one's own, which nobody else can switch to blocking. There must be a
/// `/proc`, and a descriptor left.
pub(super) fn open_again(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut path = [0u8; 32];
    // The zero that ends the path is there already.
    write!(&mut path[..31], "/proc/self/fd/{}", fd.as_raw_fd())?;
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_SYNC;
    // SAFETY: `path` ends with a zero.
    let own = check(unsafe { libc::open(path.as_ptr().cast(), flags) })?;
    // SAFETY: the system has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}
