//! The timerfd calls of Linux and Android.
//!
//! `create` makes the system call by its number. The library for C defines `timerfd_create` too, so
//! in a program that uses or preloads it, the C library's name would lead there. That function may
//! return an emulated timer, and it fixes the process's choice of the backend.
//!
//! `settime` and `gettime` call the C library, for two reasons. On 32-bit systems, Linux has a call
//! for 32-bit times and one for 64-bit times, and the C library makes the one that fits its own
//! `itimerspec`. And the functions of the library for C pass the setting of a kernel timer to the
//! kernel unchanged: they fix no choice and start no thread. This also holds for the Python module
//! with the library for C preloaded.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::backends::sys::error::{check, os_error};
use crate::backends::sys::system::timerfd::Timerfd;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::itimerspec::{Itimerspec, SettimeFlags, Timespec};
use crate::spec::{Initial, TimerSpec};

// The flags of this library have the same bits as those of the kernel.
const _: () = assert!(SettimeFlags::ABSTIME.bits() == libc::TFD_TIMER_ABSTIME as u32);
const _: () = assert!(SettimeFlags::CANCEL_ON_SET.bits() == libc::TFD_TIMER_CANCEL_ON_SET as u32);

pub(super) const NATIVE: Timerfd = Timerfd { create, settime, set, gettime };

fn create(clock: Clock, flags: CreateFlags) -> io::Result<OwnedFd> {
    let nonblocking = if flags.nonblocking { libc::TFD_NONBLOCK } else { 0 };
    let close_on_exec = if flags.close_on_exec { libc::TFD_CLOEXEC } else { 0 };
    let flags: libc::c_int = nonblocking | close_on_exec;
    // SAFETY: the call touches no memory of this process.
    let fd = check(unsafe { libc::syscall(libc::SYS_timerfd_create, id(clock), flags) });
    let fd = fd.map_err(|e| match e.raw_os_error() {
        // The flags are valid, so the kernel is too old for this clock.
        Some(libc::EINVAL) => os_error(libc::EOPNOTSUPP),
        _ => e,
    })?;
    // SAFETY: the kernel has just created this descriptor, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Returns the kernel's number for `clock`.
fn id(clock: Clock) -> libc::clockid_t {
    match clock {
        Clock::Realtime => libc::CLOCK_REALTIME,
        Clock::Monotonic => libc::CLOCK_MONOTONIC,
        Clock::Boottime => libc::CLOCK_BOOTTIME,
        Clock::RealtimeAlarm => libc::CLOCK_REALTIME_ALARM,
        Clock::BoottimeAlarm => libc::CLOCK_BOOTTIME_ALARM,
    }
}

#[inline]
fn settime(fd: BorrowedFd<'_>, new: &TimerSpec) -> io::Result<TimerSpec> {
    let mut old = MaybeUninit::uninit();
    // SAFETY: `old` is valid for writes of an `itimerspec`.
    unsafe { settime_raw(fd, new, old.as_mut_ptr())? };
    // SAFETY: the call succeeded, so it has stored the old setting.
    Ok(reported(unsafe { old.assume_init() }))
}

/// Sets the timer without requesting the old setting.
#[inline]
fn set(fd: BorrowedFd<'_>, new: &TimerSpec) -> io::Result<()> {
    // SAFETY: `settime_raw` allows null.
    unsafe { settime_raw(fd, new, std::ptr::null_mut()) }
}

/// # Safety
///
/// `old` must be null or valid for writes of an `itimerspec`.
#[inline]
unsafe fn settime_raw(fd: BorrowedFd<'_>, new: &TimerSpec, old: *mut libc::itimerspec) -> io::Result<()> {
    let (flags, new) = Itimerspec::from_spec(new);
    let new = narrow(new);
    // SAFETY: `new` is a valid `itimerspec`, and the caller guarantees that `old` is null or valid.
    check(unsafe { libc::timerfd_settime(fd.as_raw_fd(), flags.bits() as libc::c_int, &new, old) }).map(drop)
}

#[inline]
fn gettime(fd: BorrowedFd<'_>) -> io::Result<TimerSpec> {
    let mut now = MaybeUninit::uninit();
    // SAFETY: `now` is valid for writes of an `itimerspec`.
    check(unsafe { libc::timerfd_gettime(fd.as_raw_fd(), now.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it has stored the setting.
    Ok(reported(unsafe { now.assume_init() }))
}

/// Converts a setting that the kernel reports. It is always relative and valid. A negative number
/// would be converted to zero.
#[inline]
fn reported(spec: libc::itimerspec) -> TimerSpec {
    let left = duration(spec.it_value);
    let initial = if left.is_zero() { Initial::Disarmed } else { Initial::After(left) };
    TimerSpec::new(initial, duration(spec.it_interval))
}

#[inline]
fn duration(time: libc::timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Converts a setting for the kernel.
#[inline]
fn narrow(spec: Itimerspec) -> libc::itimerspec {
    let time = |time: Timespec| {
        let (tv_sec, nanoseconds) = time.saturating();
        libc::timespec { tv_sec, tv_nsec: nanoseconds as _ }
    };
    libc::itimerspec { it_interval: time(spec.it_interval), it_value: time(spec.it_value) }
}
