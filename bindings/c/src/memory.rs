//! Reads and writes settings through pointers from C.
//!
//! An invalid pointer is `EFAULT`, where a cheap system call can detect it.

use descriptors::Itimerspec;
use std::io;

fn fault() -> io::Error {
    io::Error::from_raw_os_error(libc::EFAULT)
}

/// # Safety
///
/// `from` is null or points to a setting. On Linux it may also point to unmapped memory.
pub(crate) unsafe fn read(from: *const Itimerspec) -> io::Result<Itimerspec> {
    // SAFETY: the caller guarantees the same.
    if from.is_null() || !unsafe { probe::is_readable(from) } {
        return Err(fault());
    }
    // SAFETY: the memory is readable, and the caller has stored a setting there. It may be
    // unaligned.
    Ok(unsafe { from.read_unaligned() })
}

/// # Safety
///
/// `to` is null or points to memory for a setting. On Linux it may also point to memory that is not
/// writable.
pub(crate) unsafe fn write(to: *mut Itimerspec, spec: Itimerspec) -> io::Result<()> {
    // SAFETY: the caller guarantees the same.
    if to.is_null() || !unsafe { probe::is_writable(to) } {
        return Err(fault());
    }
    // SAFETY: the memory is writable, and the caller has reserved it for a setting.
    unsafe { to.write_unaligned(spec) };
    Ok(())
}

/// Probes memory with `rt_sigprocmask`, which reads and writes signal sets.
///
/// The C library makes this call for each new thread, and the userspace backend when a call on a
/// descriptor writes to the timer's pipe. So a filter that lets the userspace backend work allows
/// the call, even if it forbids timerfd. If the call is refused, the pointer is assumed to be
/// valid.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod probe {
    use super::Itimerspec;
    use std::mem::size_of;
    use std::ptr::null_mut;

    /// The size of the kernel's signal set, in bytes.
    const SET: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };

    type Set = [u8; SET];

    /// Returns the first bytes of the setting, and its last bytes if they may be in another page.
    fn parts(setting: *mut Itimerspec) -> impl Iterator<Item = *mut Set> {
        // Pages are at least this large on all architectures.
        const PAGE: usize = 4096;
        const SIZE: usize = size_of::<Itimerspec>();
        let last = setting.cast::<u8>().wrapping_add(SIZE - SET).cast();
        let is_in_one_page = setting as usize % PAGE <= PAGE - SIZE;
        [Some(setting.cast()), (!is_in_one_page).then_some(last)].into_iter().flatten()
    }

    /// Returns whether the call succeeds, or fails for another reason than a pointer.
    ///
    /// # Safety
    ///
    /// `new` is null, readable as a set, or unmapped. `old` is null, writable as a set, or
    /// unmapped. If `new` is readable, `how` is invalid.
    unsafe fn is_accepted(how: libc::c_int, new: *mut Set, old: *mut Set) -> bool {
        // SAFETY: the caller guarantees the state of the pointers, and the kernel detects unmapped
        // memory. The kernel reads `new` first and then refuses `how`, so the thread's signal mask
        // does not change.
        let answer = unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, new, old, SET) };
        answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
    }

    /// # Safety
    ///
    /// `from` points to a setting, or to unmapped memory.
    pub(super) unsafe fn is_readable(from: *const Itimerspec) -> bool {
        const NONE: libc::c_int = -1;
        // SAFETY: the caller guarantees the state of the pointer, and no `how` has this value.
        parts(from.cast_mut()).all(|end| unsafe { is_accepted(NONE, end, null_mut()) })
    }

    /// # Safety
    ///
    /// `to` points to memory for a setting, or to memory that is not writable.
    pub(super) unsafe fn is_writable(to: *mut Itimerspec) -> bool {
        // SAFETY: the caller guarantees the state of the pointer, and will overwrite what the
        // kernel writes. Without a new set, the signal mask does not change.
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
