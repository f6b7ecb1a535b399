//! The directory in which some systems list a process's descriptors.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use crate::backends::sys::error::check;
use crate::backends::sys::fd::identity;

/// The numbers that the directory of this path lists, in order, except for the descriptor that it
/// is read through. `None` if the directory cannot be read, or does not list that descriptor: then
/// it belongs to another process or thread, or its entries never change.
pub(super) fn numbers(path: &[u8]) -> Option<Vec<RawFd>> {
    let mut stream = Stream::open(CStr::from_bytes_with_nul(path).ok()?)?;
    let own = stream.number;
    let file = identity(own).ok()?;
    let mut numbers: Vec<_> = std::iter::from_fn(|| stream.next()).flatten().collect();
    // If another thread has closed the number, the reading ended early.
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
        // The system gives the lowest free number, which must not be a standard stream's.
        if (0..ABOVE_STANDARD).any(|number| identity(number).is_err()) {
            return None;
        }
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        // SAFETY: `path` ends with a zero.
        let number = check(unsafe { libc::open(path.as_ptr(), flags) }).ok()?;
        // SAFETY: the system has just made this descriptor for us, and no other code knows it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        if number < ABOVE_STANDARD {
            return None;
        }
        // SAFETY: the descriptor is open. If the call succeeds, the stream owns it.
        let stream = NonNull::new(unsafe { libc::fdopendir(descriptor.as_raw_fd()) })?;
        Some(Stream { stream, number: descriptor.into_raw_fd() })
    }

    /// The next entry: the number that it names, if it names one. `None` at the end.
    fn next(&mut self) -> Option<Option<RawFd>> {
        // SAFETY: the stream is open, and no other thread uses it.
        let entry = NonNull::new(unsafe { libc::readdir(self.stream.as_ptr()) })?;
        // SAFETY: the entry is valid until the next call. Its name ends with a zero, and may be longer
        // than the field's type says, so no reference to the field is made.
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
