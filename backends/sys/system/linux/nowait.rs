//! Two ways of reading without waiting.

use std::ffi::CStr;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::backends::sys::error::{check, os_error};

/// One `preadv2` with `RWF_NOWAIT`.
pub(super) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
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
    })?;
    Ok(read.unsigned_abs() as usize)
}

/// Asks with a read that never waits: the read of a directory.
///
/// Linux refuses the flag (`EOPNOTSUPP`), because directories do not support it. A kernel that
/// ignores the flag refuses the read of a directory (`EISDIR`). gVisor does so. Kernels that only
/// refuse unknown flags do so too. Without a directory there is no answer.
pub(super) fn examines_the_flag() -> bool {
    open(b"/\0", libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC)
        .and_then(|directory| read(directory.as_fd(), &mut [0; 8]))
        .is_err_and(|e| e.raw_os_error() == Some(libc::EOPNOTSUPP))
}

/// An open file description of one's own, which nobody else can switch to blocking. There must be a
/// `/proc`, and a descriptor left.
pub(super) fn open_again(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut path = [0u8; 32];
    // The zero that ends the path is there already.
    write!(&mut path[..31], "/proc/self/fd/{}", fd.as_raw_fd())?;
    open(&path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_SYNC)
}

/// Opens a file. A path without a zero is not found.
fn open(path: &[u8], flags: libc::c_int) -> io::Result<OwnedFd> {
    let path = CStr::from_bytes_until_nul(path).map_err(|_| os_error(libc::ENOENT))?;
    // SAFETY: `path` ends with a zero.
    let file = check(unsafe { libc::open(path.as_ptr(), flags) })?;
    // SAFETY: the system has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If the probe failed, reads would still work, but each would take more system calls. qemu's
    /// emulation of Linux lacks the call.
    #[test]
    fn linux_is_found_to_examine_the_flag() {
        let (reader, _writer) = nix::unistd::pipe().unwrap();
        let exists = !read(reader.as_fd(), &mut []).is_err_and(|e| e.raw_os_error() == Some(libc::ENOSYS));
        assert_eq!(examines_the_flag(), exists);
    }
}
