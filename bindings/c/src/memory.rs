//! What C's pointers point to. A pointer to no memory is `EFAULT`, as far as the system can be asked at little cost.

use crate::itimerspec::Itimerspec;
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

/// By harmless calls that look at as much memory, or write as much, as a setting takes.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod probe {
    use super::Itimerspec;
    use std::mem::size_of;

    // What `getitimer` stores is as long as a setting.
    const _: () = assert!(size_of::<libc::itimerval>() == size_of::<Itimerspec>());

    fn is_fault(answer: libc::c_long) -> bool {
        answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
    }

    /// # Safety
    ///
    /// There is a setting there, or no memory.
    pub(super) unsafe fn is_readable(from: *const Itimerspec) -> bool {
        const NO_DESCRIPTOR: libc::c_int = -1;
        let none = std::ptr::null_mut::<Itimerspec>();
        // SAFETY: the kernel reads the setting, if it can, and then finds that there is no timer to set.
        !is_fault(unsafe { libc::syscall(libc::SYS_timerfd_settime, NO_DESCRIPTOR, 0, from, none) })
    }

    /// # Safety
    ///
    /// There is a place for a setting there, or no memory to write.
    pub(super) unsafe fn is_writable(to: *mut Itimerspec) -> bool {
        // SAFETY: the kernel writes there what will be overwritten.
        !is_fault(unsafe { libc::syscall(libc::SYS_getitimer, libc::ITIMER_REAL, to) })
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
