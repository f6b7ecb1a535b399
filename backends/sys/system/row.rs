//! The type of a system's row, and the row of a system of which nothing is known but POSIX.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::threads::{self, Threads};
use super::timerfd::{self, Timerfd};
use crate::backends::sys::error::{check, os_error};

/// What a system has, and by which name.
pub(crate) struct System {
    /// The clock that is never stepped and, if the system has such a one, stands still while the
    /// machine is suspended.
    pub(crate) monotonic: libc::clockid_t,
    /// Whether that one counts suspends all the same; `None` where it is not known.
    pub(crate) monotonic_counts_suspend: Option<bool>,
    /// How much the wall clock may gain or lose on `monotonic` while it is slewed, in parts per
    /// million of the elapsed time; 0 if the system slews both clocks together.
    pub(crate) max_slew_ppm: u32,
    /// The clock that is never stepped and counts suspends.
    pub(crate) boottime: Option<libc::clockid_t>,
    /// The clock that shows the CPU time of the calling thread.
    pub(crate) thread_cpu_time: Option<libc::clockid_t>,
    /// The shortest time, in nanoseconds, between two wake-ups for counts that stay unread.
    pub(crate) refresh_pause: u64,
    /// Whether this thread may set clocks that wake a suspended machine: an error says why not.
    pub(crate) may_wake_the_machine: fn() -> io::Result<()>,
    /// Makes a pipe whose ends have their flags from the beginning.
    pub(crate) pipe2: Option<unsafe extern "C" fn(*mut libc::c_int, libc::c_int) -> libc::c_int>,
    /// A flag of `pipe2` by which nobody is signalled when somebody writes and all readers are
    /// gone; 0 if there is none. Where neither this is nor the next, the signal goes to the thread
    /// that writes, and the timer thread takes none.
    pub(crate) no_sigpipe: libc::c_int,
    /// The same for a descriptor, where `pipe2` has no such flag.
    pub(crate) take_no_sigpipe: fn(BorrowedFd<'_>) -> io::Result<()>,
    /// Whether the end of a pipe to read from may be writable too.
    pub(crate) pipes_may_go_both_ways: bool,
    /// Gives the pipe of this write end room for one page only, where the system can be asked: all
    /// a user's pipes share one allowance, and a timer's pipe holds eight bytes.
    pub(crate) use_one_page: fn(BorrowedFd<'_>),
    /// Makes the second descriptor refer to the file of the first, closed on `exec`.
    pub(crate) duplicate_onto: fn(RawFd, RawFd) -> io::Result<()>,
    /// A flag of `open` that [`open_again`](System::open_again) sets, and no user of a timer; 0 if
    /// there is none. It does nothing to a read.
    pub(crate) mark: libc::c_int,
    /// A flag of `open` for a descriptor that can be neither read nor written; 0 if there is none.
    pub(crate) no_access: libc::c_int,
    /// One `poll(2)` of one descriptor, with milliseconds: how many can be served.
    pub(crate) poll: fn(&mut libc::pollfd, libc::c_int) -> io::Result<libc::c_int>,
    /// One `write(2)`: how many bytes were taken.
    pub(crate) write: fn(BorrowedFd<'_>, &[u8]) -> io::Result<usize>,
    /// The same, when there may be no reader: nobody is signalled.
    pub(crate) write_unsignaled: fn(BorrowedFd<'_>, &[u8]) -> io::Result<usize>,
    /// Whether the writing end of a pipe tells, to `poll`, that there is no reader in any process,
    /// and what is unread, to `FIONREAD`.
    pub(crate) writers_know_readers: bool,
    /// One read with a flag that forbids it to wait, whatever the mode of the descriptor.
    pub(crate) read_told_not_to_wait: fn(BorrowedFd<'_>, &mut [u8]) -> io::Result<usize>,
    /// Whether the system is known to examine that flag: a read whose flag is ignored waits.
    pub(crate) examines_the_flag: fn() -> bool,
    /// Another open file description of the same pipe's reading end, in non-blocking mode.
    pub(crate) open_again: fn(BorrowedFd<'_>) -> io::Result<OwnedFd>,
    /// A directory that lists the numbers of this process's open descriptors; the path ends with a
    /// zero.
    pub(crate) descriptor_directory: Option<&'static [u8]>,
    /// The highest number at which this process has a descriptor open; `None` if the system does
    /// not say.
    pub(crate) highest_descriptor: fn() -> Option<RawFd>,
    /// How many descriptors this process has open; `None` if the system does not say.
    pub(crate) count_of_descriptors: fn() -> Option<usize>,
    /// Gives this thread a name.
    pub(crate) name_thread: fn(&CStr),
    /// Has this thread's sleeps end as near to their time as the system can.
    pub(crate) sleep_exactly: fn(),
    /// The mode of `dlopen` that loads nothing and prevents the unloading of what is loaded; `None`
    /// if it is not known.
    pub(crate) pin_mode: Option<libc::c_int>,
    /// Whether an address is known to lie in the main program.
    pub(crate) is_in_main_program: fn(*const libc::c_void) -> bool,
    /// What there is for new threads.
    pub(crate) threads: Threads,
    /// The calls of timerfd.
    pub(crate) timerfd: Timerfd,
}

/// The least of them: a system that is not listed, and what the others differ from.
pub(crate) const POSIX: System = System {
    monotonic: libc::CLOCK_MONOTONIC,
    monotonic_counts_suspend: None,
    // The usual limits: 5,000 for `adjtime`, and 500 for the frequency that NTP sets.
    max_slew_ppm: 5_500,
    boottime: None,
    thread_cpu_time: None,
    refresh_pause: 1_500_000,
    may_wake_the_machine: || Err(os_error(libc::EOPNOTSUPP)),
    pipe2: None,
    no_sigpipe: 0,
    take_no_sigpipe: |_| Ok(()),
    pipes_may_go_both_ways: true,
    use_one_page: |_| {},
    duplicate_onto,
    mark: 0,
    no_access: 0,
    poll,
    write,
    write_unsignaled: write,
    writers_know_readers: false,
    read_told_not_to_wait: |_, _| Err(os_error(libc::EOPNOTSUPP)),
    examines_the_flag: || false,
    open_again: |_| Err(os_error(libc::EOPNOTSUPP)),
    descriptor_directory: None,
    highest_descriptor: || None,
    count_of_descriptors: || None,
    name_thread: |_| {},
    sleep_exactly: || {},
    pin_mode: None,
    is_in_main_program: |_| false,
    threads: threads::INHERITED,
    timerfd: timerfd::ABSENT,
};

fn duplicate_onto(from: RawFd, number: RawFd) -> io::Result<()> {
    // SAFETY: duplicating a descriptor, and setting a flag of it, touch no memory.
    unsafe {
        check(libc::dup2(from, number))?;
        check(libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC)).map(drop)
    }
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
