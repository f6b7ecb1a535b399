//! The calls on timers of the userspace backend.
//!
//! Each call checks its arguments in the same order as Linux.

use crate::cancel::Uncanceled;
use crate::clock::{self, Translated};
use crate::itimerspec::Itimerspec;
use crate::{thread, with_errno};
use libc::c_int;
use std::io;
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use timers::bindings::{RawTimer, SettimeFlags};
use timers::{Clock, CreateFlags};

/// Whether this process has ever created an emulated timer. If not, `find` need not search.
static ANY: AtomicBool = AtomicBool::new(false);

fn invalid() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

pub(crate) fn create(clockid: c_int, flags: c_int) -> io::Result<c_int> {
    let _uncanceled = Uncanceled::begin();
    let clock = clock::named(clockid)?;
    let flags = CreateFlags::from_tfd_flags(flags)?;
    thread::set_options()?;
    // `EINVAL` for a clock that this system lacks.
    let made = RawTimer::create(clock, flags).map_err(|error| with_errno(error, libc::EINVAL))?;
    ANY.store(true, Ordering::Release);
    Ok(made.into_raw_fd())
}

/// Returns the timer of this descriptor, or an error if it is not one of this backend.
pub(crate) fn find(fd: c_int) -> io::Result<RawTimer> {
    if ANY.load(Ordering::Acquire) {
        let _uncanceled = Uncanceled::begin();
        RawTimer::find(fd)
    } else {
        Err(invalid())
    }
}

/// Sets the timer, if there is one, and returns the remaining time of the old setting.
///
/// An error in the setting takes precedence over the error in `timer`.
pub fn settime(timer: io::Result<RawTimer>, flags: c_int, new: &Itimerspec) -> io::Result<Itimerspec> {
    let (flags, new) = (SettimeFlags::from_bits(flags as u32)?, new.widen());
    let clock = timer.as_ref().map_or(Clock::Monotonic, RawTimer::clock);
    let spec = new.to_spec(clock, flags)?;
    let timer = timer?;
    let _uncanceled = Uncanceled::begin();
    let Translated { spec, past } = clock::translated(spec)?;
    let before = timer.settime_with_past(&spec, past)?;
    Ok(Itimerspec::of(&before))
}

/// Returns the remaining time and the interval of the timer.
pub fn gettime(timer: &RawTimer) -> io::Result<Itimerspec> {
    let _uncanceled = Uncanceled::begin();
    Ok(Itimerspec::of(&timer.gettime()?))
}
