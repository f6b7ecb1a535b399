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

/// By harmless calls that look at as much memory, or write as much, as a setting takes; where they are forbidden, by calls for the purpose.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod probe {
    use super::Itimerspec;
    use std::mem::size_of;

    // What `getitimer` stores is as long as a setting.
    const _: () = assert!(size_of::<libc::itimerval>() == size_of::<Itimerspec>());

    /// Whether there is memory, as far as such a call tells.
    fn told(answer: libc::c_long, usual: &[libc::c_int]) -> Option<bool> {
        let errno = if answer == -1 { std::io::Error::last_os_error().raw_os_error()? } else { 0 };
        match errno {
            libc::EFAULT => Some(false),
            errno if usual.contains(&errno) => Some(true),
            _ => None,
        }
    }

    /// By a copy of that memory to here, or from here to there, which the kernel makes in the name of a debugger. What can't be asked
    /// is taken for memory.
    ///
    /// # Safety
    ///
    /// As of the functions below.
    unsafe fn copies(call: libc::c_long, memory: *mut Itimerspec) -> bool {
        let mut here = [0u8; size_of::<Itimerspec>()];
        let here = libc::iovec { iov_base: here.as_mut_ptr().cast(), iov_len: here.len() };
        let there = libc::iovec { iov_base: memory.cast(), iov_len: size_of::<Itimerspec>() };
        let (none, one) = (0 as libc::c_long, 1 as libc::c_long);
        // SAFETY: `here` is as long as is said, and the kernel finds out whether there is memory there.
        let copied = unsafe { libc::syscall(call, libc::getpid(), &here, one, &there, one, none) };
        // What there is of it is copied, though it is not all.
        told(copied, &[0]).unwrap_or(true) && (copied < 0 || copied as usize == size_of::<Itimerspec>())
    }

    /// # Safety
    ///
    /// There is a setting there, or no memory.
    pub(super) unsafe fn is_readable(from: *const Itimerspec) -> bool {
        const NO_DESCRIPTOR: libc::c_int = -1;
        let none = std::ptr::null_mut::<Itimerspec>();
        // SAFETY: the kernel reads the setting, if it can, and then finds that there is no timer to set.
        let answer = unsafe { libc::syscall(libc::SYS_timerfd_settime, NO_DESCRIPTOR, 0, from, none) };
        told(answer, &[libc::EBADF, libc::EINVAL]).unwrap_or_else(|| {
            // SAFETY: the caller's word; nothing is written there.
            unsafe { copies(libc::SYS_process_vm_readv, from.cast_mut()) }
        })
    }

    /// # Safety
    ///
    /// There is a place for a setting there, or no memory to write.
    pub(super) unsafe fn is_writable(to: *mut Itimerspec) -> bool {
        const ITIMER_REAL: libc::c_int = 0;
        // SAFETY: the kernel writes there what will be overwritten.
        let answer = unsafe { libc::syscall(libc::SYS_getitimer, ITIMER_REAL, to) };
        told(answer, &[0]).unwrap_or_else(|| {
            // SAFETY: the caller's word; as above.
            unsafe { copies(libc::SYS_process_vm_writev, to) }
        })
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
