//! A page of memory that is zero in each new child process.

use std::io;
use std::ptr::null_mut;
use std::sync::atomic::AtomicUsize;

use super::error::check;
use super::system::WipeOnFork;

/// Maps a page that `wipe` makes zero in each new child, and returns its first number, which is
/// zero. The page is never unmapped.
pub(super) fn map(wipe: WipeOnFork) -> io::Result<&'static AtomicUsize> {
    // SAFETY: the call touches no memory.
    let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(1);
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
    // SAFETY: the call maps new memory and changes no other.
    let page = unsafe { libc::mmap(null_mut(), size, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page was mapped by this function, and only this function knows it so far.
    let wiped = check(unsafe { wipe(page, size) });
    if let Err(e) = wiped {
        // SAFETY: as above.
        unsafe { libc::munmap(page, size) };
        return Err(e);
    }
    // SAFETY: the page is mapped until the process ends, aligned and zero, which is a valid value.
    // Only atomic operations access it.
    Ok(unsafe { &*page.cast() })
}
