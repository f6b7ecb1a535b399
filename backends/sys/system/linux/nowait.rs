//! Two ways of reading without waiting: with `RWF_NOWAIT`, and through a reopened descriptor.

use std::ffi::CStr;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::backends::sys::error::{check, os_error};

/// Calls `preadv2` once, with `RWF_NOWAIT`.
pub(super) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let current: libc::c_long = -1;
    // SAFETY: `vector` describes `buffer`, which is valid for writes of its length. The offset of
    // -1, in two halves, stands for the current position.
    let read = check(unsafe {
        libc::syscall(
            libc::SYS_preadv2,
            libc::c_long::from(fd.as_raw_fd()),
            std::ptr::addr_of_mut!(vector),
            1 as libc::c_long,
            current,
            current,
            libc::c_long::from(libc::RWF_NOWAIT),
        )
    })?;
    Ok(read.unsigned_abs() as usize)
}

/// Whether the kernel examines the flag, according to a read of a directory, which never waits.
///
/// Linux returns `EOPNOTSUPP`, because directories do not support the flag. A kernel that ignores
/// the flag returns `EISDIR`, because a directory cannot be read. gVisor does this, and so do
/// kernels that only refuse unknown flags. If the directory cannot be opened, the result is
/// `Some(false)`, and `None` if no descriptor or no memory is left.
pub(super) fn examines_nowait_flag() -> Option<bool> {
    match open(b"/\0", libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) {
        Ok(directory) => {
            let refusal = read(directory.as_fd(), &mut [0; 8]).err();
            Some(refusal.is_some_and(|e| e.raw_os_error() == Some(libc::EOPNOTSUPP)))
        }
        Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EINTR)) => None,
        Err(_) => Some(false),
    }
}

/// Opens the file again, with an open file description whose mode no other code can switch.
///
/// This needs `/proc` and a free descriptor.
pub(super) fn reopen(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut path = [0u8; 32];
    // The last byte stays zero, so the path ends with a zero.
    write!(&mut path[..31], "/proc/self/fd/{}", fd.as_raw_fd())?;
    open(&path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_SYNC)
}

/// Opens a file. Returns `ENOENT` if the path does not end with a zero.
fn open(path: &[u8], flags: libc::c_int) -> io::Result<OwnedFd> {
    let path = CStr::from_bytes_until_nul(path).map_err(|_| os_error(libc::ENOENT))?;
    // SAFETY: `path` ends with a zero.
    let file = check(unsafe { libc::open(path.as_ptr(), flags) })?;
    // SAFETY: the system has just created this descriptor, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If the check returned `false`, reads would still work, but each read would need more system
    /// calls. The user-mode emulation of qemu does not have `preadv2`.
    #[test]
    fn the_check_finds_that_linux_examines_the_flag() {
        let (reader, _writer) = nix::unistd::pipe().unwrap();
        let exists = !read(reader.as_fd(), &mut []).is_err_and(|e| e.raw_os_error() == Some(libc::ENOSYS));
        assert_eq!(examines_nowait_flag(), Some(exists));
    }
}
