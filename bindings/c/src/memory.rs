//! What C's pointers point to. A pointer to no memory is `EFAULT`, as far as the system can be asked at little cost.

use descriptors::Itimerspec;
use std::io;

fn fault() -> io::Error {
    io::Error::from_raw_os_error(libc::EFAULT)
}

/// # Safety
///
/// There is a setting there, or, on Linux, no memory.
pub(crate) unsafe fn read(from: *const Itimerspec) -> io::Result<Itimerspec> {
    // SAFETY: the caller's word.
    if from.is_null() || !unsafe { probe::is_readable(from) } {
        return Err(fault());
    }
    // SAFETY: there is memory, in which the caller has put a setting; C does not always align it.
    Ok(unsafe { from.read_unaligned() })
}

/// # Safety
///
/// There is a place for a setting there, or, on Linux, no memory to write.
pub(crate) unsafe fn write(to: *mut Itimerspec, spec: Itimerspec) -> io::Result<()> {
    // SAFETY: the caller's word.
    if to.is_null() || !unsafe { probe::is_writable(to) } {
        return Err(fault());
    }
    // SAFETY: there is memory, which the caller has set aside for a setting.
    unsafe { to.write_unaligned(spec) };
    Ok(())
}

/// By `rt_sigprocmask`, which reads and writes sets of signals.
///
/// The C library makes this call for each new thread, and the userspace backend when a call on a descriptor writes to the
/// timer's pipe. So a filter that lets the userspace backend work allows the call, even if it forbids timerfd. If the call is
/// refused, the pointer is taken to be valid.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod probe {
    use super::Itimerspec;
    use std::mem::size_of;
    use std::ptr::null_mut;

    /// The size of the kernel's set of signals.
    const SET: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };

    type Set = [u8; SET];

    /// The first bytes of the setting, and the last ones if they may lie in another page.
    fn parts(setting: *mut Itimerspec) -> impl Iterator<Item = *mut Set> {
        // Pages are at least as large everywhere.
        const PAGE: usize = 4096;
        const SIZE: usize = size_of::<Itimerspec>();
        let last = setting.cast::<u8>().wrapping_add(SIZE - SET).cast();
        let is_in_one_page = setting as usize % PAGE <= PAGE - SIZE;
        [Some(setting.cast()), (!is_in_one_page).then_some(last)].into_iter().flatten()
    }

    /// Whether the call succeeds or fails for another reason than a pointer.
    ///
    /// # Safety
    ///
    /// `new` and `old` are null, or valid for a read and a write of a set, or point to no memory. If `new` is valid, `how`
    /// is invalid.
    unsafe fn is_accepted(how: libc::c_int, new: *mut Set, old: *mut Set) -> bool {
        // SAFETY: the caller answers for the pointers; the kernel finds out those to no memory. It reads `new` first and
        // then refuses `how`, so that the thread's signals stay as they are.
        let answer = unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, new, old, SET) };
        answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
    }

    /// # Safety
    ///
    /// There is a setting there, or no memory.
    pub(super) unsafe fn is_readable(from: *const Itimerspec) -> bool {
        const NONE: libc::c_int = -1;
        // SAFETY: the caller's word, and there is no such `how`.
        parts(from.cast_mut()).all(|end| unsafe { is_accepted(NONE, end, null_mut()) })
    }

    /// # Safety
    ///
    /// There is a place for a setting there, or no memory to write.
    pub(super) unsafe fn is_writable(to: *mut Itimerspec) -> bool {
        // SAFETY: the caller's word: what the kernel writes there will be overwritten. Without a new set, nothing changes.
        parts(to).all(|end| unsafe { is_accepted(libc::SIG_BLOCK, null_mut(), end) })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod probe {
    use super::Itimerspec;

    pub(super) unsafe fn is_readable(_: *const Itimerspec) -> bool {
        true
    }

    pub(super) unsafe fn is_writable(_: *mut Itimerspec) -> bool {
        true
    }
}
