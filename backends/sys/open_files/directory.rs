//! Reads the directory in which some systems list the descriptors of a process.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use crate::backends::sys::error::check;
use crate::backends::sys::fd::identity;

/// Returns the sorted numbers that the directory lists, except the descriptor through which the
/// directory is read.
///
/// Returns `None` if the directory cannot be read or does not list that descriptor. In the latter
/// case, the directory belongs to another process or thread, or its entries never change.
pub(super) fn numbers(path: &[u8]) -> Option<Vec<RawFd>> {
    let mut stream = Stream::open(CStr::from_bytes_with_nul(path).ok()?)?;
    let own = stream.number;
    let file = identity(own).ok()?;
    let mut numbers: Vec<_> = std::iter::from_fn(|| stream.next()).flatten().collect();
    // If another thread has closed the descriptor, the list is incomplete.
    if identity(own).ok()? != file {
        return None;
    }
    numbers.sort_unstable();
    numbers.dedup();
    let at = numbers.binary_search(&own).ok()?;
    numbers.remove(at);
    Some(numbers)
}

/// A directory that is being read.
struct Stream {
    stream: NonNull<libc::DIR>,
    number: RawFd,
}

impl Stream {
    fn open(path: &CStr) -> Option<Stream> {
        const ABOVE_STANDARD: RawFd = 3;
        // The system uses the lowest free number, which must not belong to a standard stream.
        if (0..ABOVE_STANDARD).any(|number| identity(number).is_err()) {
            return None;
        }
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        // SAFETY: `path` ends with a zero.
        let number = check(unsafe { libc::open(path.as_ptr(), flags) }).ok()?;
        // SAFETY: the system has just created this descriptor, and no other code knows it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        if number < ABOVE_STANDARD {
            return None;
        }
        // SAFETY: the descriptor is open. If the call succeeds, the stream owns it.
        let stream = NonNull::new(unsafe { libc::fdopendir(descriptor.as_raw_fd()) })?;
        Some(Stream { stream, number: descriptor.into_raw_fd() })
    }

    /// Reads the next entry. Returns `None` at the end, and `Some(None)` if the entry's name is not
    /// a number.
    fn next(&mut self) -> Option<Option<RawFd>> {
        // SAFETY: the stream is open, and no other thread uses it.
        let entry = NonNull::new(unsafe { libc::readdir(self.stream.as_ptr()) })?;
        // SAFETY: the entry is valid until the next call. Its name ends with a zero. The name may
        // be longer than the type of the field, so this code creates no reference to the field.
        let name = unsafe { CStr::from_ptr(std::ptr::addr_of!((*entry.as_ptr()).d_name).cast()) };
        Some(name.to_str().ok().and_then(|name| name.parse().ok()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the stream is open, and is not used after this.
        unsafe { libc::closedir(self.stream.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_does_not_list_its_own_descriptor_is_not_trusted() {
        assert_eq!(numbers(b"/\0"), None);
        assert_eq!(numbers(b"/nowhere\0"), None);
    }
}
