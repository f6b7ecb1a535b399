//! Linux, including the parts that Android shares.

mod main_program;
mod nowait;
mod timerfd;
mod unsignaled;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::platform::{self, System, POSIX};
use crate::backends::sys::error::{check, os_error};
#[cfg(feature = "libc")]
use crate::clock::Clock;

pub(crate) const SYSTEM: System = System {
    monotonic: libc::CLOCK_MONOTONIC,
    monotonic_counts_suspend: Some(false),
    max_slew_ppm: 0,
    boottime: Some(libc::CLOCK_BOOTTIME),
    #[cfg(feature = "libc")]
    more_clock_ids: &[
        (libc::CLOCK_BOOTTIME, Clock::Boottime),
        (libc::CLOCK_REALTIME_ALARM, Clock::RealtimeAlarm),
        (libc::CLOCK_BOOTTIME_ALARM, Clock::BoottimeAlarm),
    ],
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    may_wake_the_system,
    pipe2: Some(libc::pipe2),
    socket_flags: libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
    pipes_may_be_bidirectional: false,
    ends_share_inode: true,
    shrink_to_one_page,
    duplicate_onto,
    reopen_flag: libc::O_SYNC,
    no_access: libc::O_PATH,
    poll,
    write,
    write_unsignaled: unsignaled::write,
    write_end_shows_readers: true,
    read_nowait: nowait::read,
    examines_nowait_flag: nowait::examines_nowait_flag,
    reopen: nowait::reopen,
    // `/proc/self` shows the descriptors of the main thread. A thread may not share these.
    descriptor_directory: Some(b"/proc/thread-self/fd\0"),
    is_set_user_id,
    name_thread,
    sleep_exactly,
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    is_in_main_program: main_program::contains,
    timerfd: timerfd::NATIVE,
    ..POSIX
};

fn may_wake_the_system() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    const CAP_WAKE_ALARM: u32 = 35;
    let mut header: [u32; 2] = [VERSION_3, 0];
    // The effective, permitted and inheritable sets of the lower and of the upper 32 capabilities.
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: `header` and `sets` have the layout of version 3 of the call, and are valid for its
    // reads and writes.
    check(unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) })?;
    let [_, [effective, ..]] = sets;
    if effective & (1 << (CAP_WAKE_ALARM - 32)) != 0 {
        Ok(())
    } else {
        Err(os_error(libc::EPERM))
    }
}

/// Also true if the file has capabilities, or if a security module has changed the domain.
fn is_set_user_id() -> bool {
    // SAFETY: the call takes a number and touches no memory.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

fn shrink_to_one_page(writer: BorrowedFd<'_>) {
    // The kernel rounds this up to its page size.
    const LEAST: libc::c_int = 4096;
    // SAFETY: the call changes the buffer size of a pipe and touches no memory. If it fails, the
    // pipe works with its larger buffer.
    unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, LEAST) };
}

fn duplicate_onto(from: RawFd, number: RawFd) -> io::Result<()> {
    let [from, number, flags] = [from, number, libc::O_CLOEXEC].map(libc::c_long::from);
    // The `libc` crate has no `dup3` function for Android, so this makes the system call itself.
    // SAFETY: duplicating a descriptor touches no memory.
    check(unsafe { libc::syscall(libc::SYS_dup3, from, number, flags) }).map(drop)
}

/// Calls `poll`. If it fails, calls `ppoll`, because a sandbox may allow only one of them. If both
/// fail, returns the error of `ppoll`.
fn poll(entry: &mut libc::pollfd, timeout: libc::c_int) -> io::Result<libc::c_int> {
    platform::poll(entry, timeout).or_else(|e| match e.kind() {
        io::ErrorKind::Interrupted => Err(e),
        _ => ppoll(entry, timeout),
    })
}

fn ppoll(entry: &mut libc::pollfd, timeout: libc::c_int) -> io::Result<libc::c_int> {
    let time = libc::timespec { tv_sec: (timeout / 1000) as _, tv_nsec: (timeout % 1000 * 1_000_000) as _ };
    let time: *const _ = if timeout < 0 { std::ptr::null() } else { &time };
    // SAFETY: `entry` is one valid `pollfd`, and `time` is null or valid. The signal mask is null,
    // so it does not change.
    check(unsafe { libc::ppoll(entry, 1, time, std::ptr::null()) })
}

/// Makes the system call without the C library, whose `write` is a cancellation point. In a
/// multi-threaded program, this costs a sixth of the call.
///
/// Reads use the C library. A `read` can wait, so users expect it to be a cancellation point.
#[inline]
fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let fd = libc::c_long::from(fd.as_raw_fd());
    // SAFETY: `bytes` is valid for reads of its length.
    let written = unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

fn name_thread(name: &CStr) {
    // SAFETY: the name ends with a zero. If the call fails, the thread keeps its name.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
}

/// Sets the timer slack of the calling thread to 1 ns. By default, the kernel may delay a sleep by
/// 50 µs to combine it with other wake-ups.
fn sleep_exactly() {
    const ONE_NANOSECOND: libc::c_ulong = 1;
    // SAFETY: the call sets a number of the calling thread and touches no memory. If it fails, the
    // timer slack does not change.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, ONE_NANOSECOND, 0, 0, 0) };
}
