//! The type that describes a platform, and the description of a platform that only has POSIX.

use std::ffi::CStr;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::addr_of;

use super::threads::{self, Threads};
use super::timerfd::{self, Timerfd};
use crate::backends::sys::error::{check, os_error};
#[cfg(feature = "libc")]
use crate::clock::Clock;

/// Makes whole pages zero in each new child, and returns -1 if that fails. The caller must own the
/// pages.
pub(crate) type WipeOnFork = unsafe fn(*mut libc::c_void, usize) -> libc::c_int;

/// The clocks, flags and functions of a platform.
pub(crate) struct System {
    /// The clock for `Clock::Monotonic`. It is never set. If the platform has such a clock, it
    /// stands still during a suspend.
    pub(crate) monotonic: libc::clockid_t,
    /// Whether C's `CLOCK_MONOTONIC` shows the same time as `monotonic`.
    pub(crate) monotonic_is_that_of_c: bool,
    /// Whether `monotonic` advances during a suspend, or `None` if that is not known.
    pub(crate) monotonic_counts_suspend: Option<bool>,
    /// How much the wall clock may gain or lose on `monotonic` while it is slewed, in parts per
    /// million of the elapsed time. 0 if the system slews both clocks together.
    pub(crate) max_slew_ppm: u32,
    /// The clock that is never set and advances during a suspend.
    pub(crate) boottime: Option<libc::clockid_t>,
    /// The clocks that have a number in C, besides `CLOCK_REALTIME` and `CLOCK_MONOTONIC`.
    #[cfg(feature = "libc")]
    pub(crate) more_clock_ids: &'static [(libc::clockid_t, Clock)],
    /// The clock that shows the CPU time of the calling thread.
    pub(crate) thread_cpu_time: Option<libc::clockid_t>,
    /// The minimum time, in nanoseconds, between two wake-ups that refresh unread counts.
    pub(crate) refresh_pause: u64,
    /// Returns an error if this thread may not set timers that wake the system from a suspend.
    pub(crate) may_wake_the_system: fn() -> io::Result<()>,
    /// Creates a pipe and sets the flags of its ends at the same time.
    pub(crate) pipe2: Option<unsafe extern "C" fn(*mut libc::c_int, libc::c_int) -> libc::c_int>,
    /// The flag of `pipe2` that prevents `SIGPIPE`, or 0 if there is none.
    ///
    /// If a platform has neither this flag nor `set_no_sigpipe`, it sends the signal to the writing
    /// thread, and the timer thread blocks it.
    pub(crate) no_sigpipe: libc::c_int,
    /// Prevents `SIGPIPE` for a descriptor, on platforms where `pipe2` has no flag for this.
    pub(crate) set_no_sigpipe: fn(BorrowedFd<'_>) -> io::Result<()>,
    /// Whether the read end of a pipe may be writable too.
    pub(crate) pipes_may_be_bidirectional: bool,
    /// Whether both ends of a pipe are known to have the same inode number.
    pub(crate) ends_share_inode: bool,
    /// Whether pipes are known to have no inode numbers. Timers that need an identity are then
    /// pairs of sockets.
    pub(crate) pipes_lack_inodes: bool,
    /// The flags of `socketpair` that make both sockets non-blocking and closed on `exec` and
    /// prevent `SIGPIPE`, or 0 if the platform may lack them.
    pub(crate) socket_flags: libc::c_int,
    /// Limits the buffer of a socket for data to send, so that filling it takes little memory.
    pub(crate) shrink_send_buffer: fn(BorrowedFd<'_>),
    /// Limits the buffer of the pipe with this write end to one page, if the system supports this.
    /// All pipes of a user share one limit, and a timer's pipe holds only eight bytes.
    pub(crate) shrink_to_one_page: fn(BorrowedFd<'_>),
    /// Makes the second number a duplicate of the first descriptor, closed on `exec`.
    pub(crate) duplicate_onto: fn(RawFd, RawFd) -> io::Result<()>,
    /// A flag of `open` that marks the descriptors of [`reopen`](System::reopen), or 0 if there is
    /// none. Users of timers do not set it, and it has no effect on reads.
    pub(crate) reopen_flag: libc::c_int,
    /// The flag of `open` for a descriptor that can be neither read nor written, or 0 if there is
    /// none.
    pub(crate) no_access: libc::c_int,
    /// Calls `poll(2)` once for one descriptor, with a timeout in milliseconds. Returns the number
    /// of ready descriptors.
    pub(crate) poll: fn(&mut libc::pollfd, libc::c_int) -> io::Result<libc::c_int>,
    /// Calls `write(2)` once, and returns the number of bytes written.
    pub(crate) write: fn(BorrowedFd<'_>, &[u8]) -> io::Result<usize>,
    /// Like `write`, but for a pipe that may have no reader. No thread receives `SIGPIPE`.
    pub(crate) write_unsignaled: fn(BorrowedFd<'_>, &[u8]) -> io::Result<usize>,
    /// Whether the write end of a pipe shows the state of the read end: `poll` reports that no
    /// process has a read end, and `FIONREAD` returns the number of unread bytes.
    pub(crate) write_end_shows_readers: bool,
    /// Reads once with `RWF_NOWAIT`, so that the read does not wait in any mode of the descriptor.
    pub(crate) read_nowait: fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<usize>,
    /// Whether the system examines `RWF_NOWAIT`; `None` if that cannot be checked now. If it
    /// ignored the flag, the read would wait.
    pub(crate) examines_nowait_flag: fn() -> Option<bool>,
    /// Opens the read end of the same pipe again, in non-blocking mode. The result has an open file
    /// description of its own.
    pub(crate) reopen: fn(BorrowedFd<'_>) -> io::Result<OwnedFd>,
    /// The directory that lists the open descriptors of this process. The path ends with a zero.
    pub(crate) descriptor_directory: Option<&'static [u8]>,
    /// Returns the highest open descriptor of this process, or `None` if the system does not report
    /// it.
    pub(crate) highest_descriptor: fn() -> Option<RawFd>,
    /// Returns whether the program has more privileges than the user who started it, for example
    /// because its file has the set-user-ID bit.
    pub(crate) is_set_user_id: fn() -> bool,
    /// Returns the number of open descriptors of this process, or `None` if the system does not
    /// report it.
    pub(crate) count_of_descriptors: fn() -> Option<usize>,
    /// Makes memory zero in each child that this process forks. `None` if the system cannot do
    /// this, or if a handler of `pthread_atfork` can detect forks without blocking the next one.
    pub(crate) wipe_on_fork: Option<WipeOnFork>,
    /// Sets the name of this thread.
    pub(crate) name_thread: fn(&CStr),
    /// Makes the sleeps of this thread end as accurately as the system allows.
    pub(crate) sleep_exactly: fn(),
    /// The system may extend each sleep by its length divided by this number, to combine it with
    /// other wake-ups. 0 if an extension does not depend on the length.
    pub(crate) sleep_extension: u32,
    /// The mode of `dlopen` that loads nothing and prevents the unloading of a loaded object, or
    /// `None` if it is not known.
    pub(crate) pin_mode: Option<libc::c_int>,
    /// Whether an address is known to lie in the main program.
    pub(crate) is_in_main_program: fn(*const libc::c_void) -> bool,
    /// The functions that create and configure threads.
    pub(crate) threads: Threads,
    /// The timerfd calls.
    pub(crate) timerfd: Timerfd,
}

/// A platform that only has POSIX. It serves for platforms that are not listed. The descriptions of
/// the other platforms contain only their differences from this one.
pub(crate) const POSIX: System = System {
    monotonic: libc::CLOCK_MONOTONIC,
    monotonic_is_that_of_c: true,
    monotonic_counts_suspend: None,
    // The usual limits: 5,000 for `adjtime`, and 500 for the frequency that NTP sets.
    max_slew_ppm: 5_500,
    boottime: None,
    #[cfg(feature = "libc")]
    more_clock_ids: &[],
    thread_cpu_time: None,
    refresh_pause: 1_500_000,
    may_wake_the_system: || Err(os_error(libc::EOPNOTSUPP)),
    pipe2: None,
    no_sigpipe: 0,
    set_no_sigpipe: |_| Ok(()),
    pipes_may_be_bidirectional: true,
    ends_share_inode: false,
    pipes_lack_inodes: false,
    socket_flags: 0,
    shrink_send_buffer,
    shrink_to_one_page: |_| {},
    duplicate_onto,
    reopen_flag: 0,
    no_access: 0,
    poll,
    write,
    write_unsignaled: write,
    write_end_shows_readers: false,
    read_nowait: |_, _| Err(os_error(libc::EOPNOTSUPP)),
    examines_nowait_flag: || Some(false),
    reopen: |_| Err(os_error(libc::EOPNOTSUPP)),
    descriptor_directory: None,
    highest_descriptor: || None,
    is_set_user_id,
    count_of_descriptors: || None,
    wipe_on_fork: None,
    name_thread: |_| {},
    sleep_exactly: || {},
    sleep_extension: 0,
    pin_mode: None,
    is_in_main_program: |_| false,
    threads: threads::INHERITED,
    timerfd: timerfd::ABSENT,
};

fn is_set_user_id() -> bool {
    // SAFETY: these calls touch no memory and always succeed.
    unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() }
}

fn duplicate_onto(from: RawFd, number: RawFd) -> io::Result<()> {
    // SAFETY: duplicating a descriptor and setting its flag touch no memory.
    unsafe {
        check(libc::dup2(from, number))?;
        check(libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC)).map(drop)
    }
}

fn shrink_send_buffer(socket: BorrowedFd<'_>) {
    // NetBSD takes one small buffer of its network memory for this size. Linux raises the size to
    // its minimum.
    let size: libc::c_int = 256;
    let (value, length) = (addr_of!(size).cast(), size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: `value` is valid for reads of `length` bytes. If the call fails, the socket keeps its
    // buffer, and filling it takes more memory.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, value, length) };
}

pub(super) fn poll(entry: &mut libc::pollfd, timeout: libc::c_int) -> io::Result<libc::c_int> {
    // SAFETY: `entry` is one valid `pollfd`.
    check(unsafe { libc::poll(entry, 1, timeout) })
}

fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is valid for reads of its length.
    let written = check(unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })?;
    Ok(written.unsigned_abs())
}
