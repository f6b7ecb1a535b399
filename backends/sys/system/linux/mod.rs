//! Linux, and what Android has of it.

mod main_program;
mod nowait;
mod timerfd;
mod unsignaled;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::row::{self, System, POSIX};
use crate::backends::sys::error::{check, os_error};

pub(crate) const SYSTEM: System = System {
    monotonic: libc::CLOCK_MONOTONIC,
    monotonic_counts_suspend: Some(false),
    max_slew_ppm: 0,
    boottime: Some(libc::CLOCK_BOOTTIME),
    thread_cpu_time: Some(libc::CLOCK_THREAD_CPUTIME_ID),
    may_wake_the_machine,
    pipe2: Some(libc::pipe2),
    pipes_may_go_both_ways: false,
    use_one_page,
    duplicate_onto,
    mark: libc::O_SYNC,
    no_access: libc::O_PATH,
    poll,
    write,
    write_unsignaled: unsignaled::write,
    writers_know_readers: true,
    read_told_not_to_wait: nowait::read,
    examines_the_flag: nowait::examines_the_flag,
    open_again: nowait::open_again,
    // `/proc/self` has the descriptors of the main thread, which are not those of a thread that does
    // not share them.
    descriptor_directory: Some(b"/proc/thread-self/fd\0"),
    name_thread,
    sleep_exactly,
    pin_mode: Some(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE),
    is_in_main_program: main_program::contains,
    timerfd: timerfd::NATIVE,
    ..POSIX
};

fn may_wake_the_machine() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    const CAP_WAKE_ALARM: u32 = 35;
    let mut header: [u32; 2] = [VERSION_3, 0];
    // Effective, permitted and inheritable, for the lower and the upper 32 capabilities.
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: `header` and `sets` are laid out as version 3 of the call has them, and valid for its
    // reads and writes.
    check(unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) })?;
    let [_, [effective, ..]] = sets;
    if effective & (1 << (CAP_WAKE_ALARM - 32)) != 0 {
        Ok(())
    } else {
        Err(os_error(libc::EPERM))
    }
}

fn use_one_page(writer: BorrowedFd<'_>) {
    // The kernel rounds up to the size of its pages.
    const LEAST: libc::c_int = 4096;
    // SAFETY: this changes the room of a pipe and touches no memory. A pipe that stays larger works
    // too.
    unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, LEAST) };
}

fn duplicate_onto(from: RawFd, number: RawFd) -> io::Result<()> {
    let [from, number, flags] = [from, number, libc::O_CLOEXEC].map(libc::c_long::from);
    // By its number, as the `libc` crate lacks the function on Android.
    // SAFETY: duplicating a descriptor touches no memory.
    check(unsafe { libc::syscall(libc::SYS_dup3, from, number, flags) }).map(drop)
}

/// By `poll`, or by `ppoll` if `poll` is refused: a sandbox may know only one of
/// them. If both fail, the error is that of `ppoll`.
fn poll(entry: &mut libc::pollfd, timeout: libc::c_int) -> io::Result<libc::c_int> {
    row::poll(entry, timeout).or_else(|e| match e.kind() {
        io::ErrorKind::Interrupted => Err(e),
        _ => poll_by_ppoll(entry, timeout),
    })
}

fn poll_by_ppoll(entry: &mut libc::pollfd, timeout: libc::c_int) -> io::Result<libc::c_int> {
    let time = libc::timespec { tv_sec: (timeout / 1000) as _, tv_nsec: (timeout % 1000 * 1_000_000) as _ };
    let time: *const _ = if timeout < 0 { std::ptr::null() } else { &time };
    // SAFETY: `entry` is one valid `pollfd`, `time` is null or a whole time, and null stands for no
    // signal mask.
    check(unsafe { libc::ppoll(entry, 1, time, std::ptr::null()) })
}

/// The bare system call: the C library's `write` takes note, in a program of several threads, that
/// the thread may be canceled there, which costs a sixth of the call. (A `read` can wait, and is a
/// point to cancel at, as users expect.)
#[inline]
fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let fd = libc::c_long::from(fd.as_raw_fd());
    // SAFETY: `bytes` is valid for reads of its length.
    let written = check(unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) })?;
    Ok(written.unsigned_abs() as usize)
}

fn name_thread(name: &CStr) {
    // SAFETY: the name ends with a zero; a name that is refused leaves the thread as it is.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
}

/// Gives up the 50 µs by which the kernel may delay a thread's sleeps to join them with others'.
fn sleep_exactly() {
    const ONE_NANOSECOND: libc::c_ulong = 1;
    // SAFETY: this sets a number of the calling thread's and touches no memory. If it is refused,
    // sleeps stay as long as they were.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, ONE_NANOSECOND, 0, 0, 0) };
}
