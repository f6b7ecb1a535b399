//! Fd-only timers do not affect the other descriptors of the process.

use crate::common::{assert_errno, descriptors, polled, raw_read, until_readable};
use crate::fd_only::{create, set, HOUR, MS};
use crate::poller_behaviour::{AfterClose, HERE};
use crate::timer_thread::{the_thread, until_the_thread_has_ended};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::libc;
use nix::poll::PollFlags;
use nix::sys::stat::{fstat, FileStat, SFlag};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{dup2_raw, fork, pipe, read, ForkResult};
use portable_timerfd::bindings::RawTimer;
use portable_timerfd::{Clock, ClockTime, TimerSpec};
use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

crate::cases![
    userspace:
        closing_every_number_loses_only_the_timer,
        closing_the_librarys_numbers_ends_the_timer,
        an_unread_count_is_refreshed_above_the_low_numbers,
        a_timer_disarmed_before_it_is_closed_leaves_the_epoll_set,
        forks_during_calls_leave_nothing_in_the_children;
];

fn closing_every_number_loses_only_the_timer() {
    let before = descriptors();
    let fd = create();
    set(&fd, TimerSpec::after(20 * MS).every(MS));
    the_thread();
    let number = fd.as_raw_fd();
    let (theirs, writer) = nonblocking_pipe();
    let users = [number, theirs.as_raw_fd(), writer.as_raw_fd()];
    let ours: Vec<RawFd> = descriptors().difference(&before).copied().filter(|fd| !users.contains(fd)).collect();
    assert!(!ours.is_empty());
    // The numbers that the library had now refer to the other pipe.
    take_over(ours.iter().chain([&number]), &writer);
    std::mem::forget(fd);
    until_the_thread_has_ended();
    assert_untouched(&theirs, ours);
}

/// Returns a pipe whose read end does not block.
fn nonblocking_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe().unwrap();
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    (reader, writer)
}

/// Makes these numbers refer to another file.
fn take_over<'a>(numbers: impl IntoIterator<Item = &'a RawFd>, file: &OwnedFd) {
    for number in numbers {
        // SAFETY: only the library uses the old files of these numbers. Its behaviour after the
        // change is what is tested.
        std::mem::forget(unsafe { dup2_raw(file, *number) }.unwrap());
    }
}

/// Asserts that nothing was written to the pipe whose other end has these numbers, and that no
/// number was closed.
fn assert_untouched(reader: &OwnedFd, numbers: Vec<RawFd>) {
    assert_eq!(read(reader, &mut [0; 8]), Err(nix::errno::Errno::EAGAIN), "nothing was written there");
    assert!(descriptors().is_superset(&numbers.into_iter().collect()), "nor was it closed");
}

fn closing_the_librarys_numbers_ends_the_timer() {
    let before = descriptors();
    let fd = create();
    set(&fd, TimerSpec::after(HOUR));
    let number = fd.as_raw_fd();
    let (theirs, writer) = nonblocking_pipe();
    let known = [number, theirs.as_raw_fd(), writer.as_raw_fd()];
    let ours: Vec<RawFd> = descriptors().difference(&before).copied().filter(|fd| !known.contains(fd)).collect();
    take_over(&ours, &writer);
    let found = RawTimer::find(number).unwrap();
    assert_errno(found.settime(&TimerSpec::after(Duration::ZERO)), libc::EINVAL);
    assert_errno(RawTimer::find(number), libc::EINVAL);
    assert_untouched(&theirs, ours);
}

fn an_unread_count_is_refreshed_above_the_low_numbers() {
    let timers: Vec<OwnedFd> = (0..20).map(|_| create()).collect();
    for timer in &timers {
        set(timer, TimerSpec::after(MS).every(MS));
    }
    timers.iter().for_each(until_readable);
    let free = timers[0].try_clone().unwrap().as_raw_fd();
    let start = Clock::Monotonic.now().unwrap();
    while Clock::Monotonic.now().unwrap() < start + 200 * MS {
        assert_eq!(timers[0].try_clone().unwrap().as_raw_fd(), free);
    }
    assert!(raw_read(&timers[0]).unwrap() > 1, "it was refreshed");
}

/// The loop of `polling` stands for an epoll set, which a closed descriptor leaves without an
/// event.
fn a_timer_disarmed_before_it_is_closed_leaves_the_epoll_set() {
    // In other pollers, `polling` keeps a descriptor that was not deleted, and refuses its number.
    if HERE.after_close != AfterClose::OldFile {
        return;
    }
    let set_of_pollers = polling::Poller::new().unwrap();
    let mut events = polling::Events::new();
    for round in 0..2_000 {
        let timer = create();
        // SAFETY: the descriptor leaves the set when it is closed, which this test shows.
        unsafe {
            let event = polling::Event::readable(round);
            set_of_pollers.add_with_mode(&timer, event, polling::PollMode::Level).unwrap();
        }
        set(&timer, TimerSpec::after(Duration::from_micros(1)).every(Duration::from_micros(1)));
        let goal = Clock::Monotonic.now().unwrap() + Duration::from_micros(50 + round as u64 % 200);
        while Clock::Monotonic.now().unwrap() < goal {}
        set(&timer, TimerSpec::disarmed());
        drop(timer);
        set_of_pollers.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty(), "in round {round}");
    }
}

/// The number of threads that make calls while the process forks.
const THREADS: usize = 3;

/// The children have only the users' ends, although calls and creations open the library's own
/// descriptors at every moment.
fn forks_during_calls_leave_nothing_in_the_children() {
    const FORKS: usize = 200;
    let others = descriptors();
    let mut timers: Vec<OwnedFd> = (0..THREADS).map(|_| create()).collect();
    // The library reopens these timers for each refresh.
    timers.extend((0..4).map(|_| moved_while_unread()));
    let stop = AtomicBool::new(false);
    let unclean = thread::scope(|scope| {
        for timer in &timers[..THREADS] {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    set(timer, TimerSpec::at(ClockTime::new(Clock::Monotonic, MS)).every(MS));
                    RawTimer::find(timer.as_raw_fd()).unwrap().gettime().unwrap();
                    drop(create());
                }
            });
        }
        let unclean = (0..FORKS).filter(|_| !is_clean_child(&others, &timers)).count();
        stop.store(true, Ordering::Relaxed);
        unclean
    });
    assert_eq!(unclean, 0, "of {FORKS} children have a descriptor of the library's");
}

/// Returns an unread timer whose descriptor has another number than at first.
fn moved_while_unread() -> OwnedFd {
    let timer = create();
    set(&timer, TimerSpec::after(MS).every(MS));
    timer.try_clone().unwrap()
}

/// Whether a forked child has no descriptor of the library: no write end of a pipe or of a pair of
/// sockets, and only the users' read ends of these timers.
fn is_clean_child(others: &BTreeSet<RawFd>, timers: &[OwnedFd]) -> bool {
    // SAFETY: the child inspects its descriptors with std, whose locks no other thread of this
    // program holds.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            // The first call, which closes the library's descriptors on systems like OpenBSD.
            let _ = RawTimer::find(timers[0].as_raw_fd());
            let found: Vec<RawFd> = descriptors().difference(others).copied().collect();
            let has_write_end = found.iter().any(|&number| is_write_end(number))
                || count_of_other_sockets(&found, timers) > 2 * THREADS;
            let has_duplicate =
                timers.iter().any(|timer| found.iter().filter(|&&number| is_same_file(timer, number)).count() > 1);
            // SAFETY: the child must not run the parent's exit handlers.
            unsafe { libc::_exit(i32::from(has_write_end || has_duplicate)) }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap() == WaitStatus::Exited(child, 0),
    }
}

/// Counts the sockets that are not the users' ends of these timers.
///
/// The modes of a socket do not show which end it is. Each thread of the test has at most one other
/// timer at any moment, which consists of two sockets. There are more timers than that, so if the
/// child kept their write ends, it would have more sockets.
fn count_of_other_sockets(found: &[RawFd], timers: &[OwnedFd]) -> usize {
    assert!(timers.len() > 2 * THREADS);
    let is_known = |number| timers.iter().any(|timer| is_same_file(timer, number));
    let others = found.iter().filter(|&&number| is_socket(number) && !is_known(number));
    others.map(|&number| stat(number).st_ino).collect::<BTreeSet<_>>().len()
}

fn stat(number: RawFd) -> FileStat {
    // SAFETY: the number is open, and stays open while the child has one thread.
    fstat(unsafe { BorrowedFd::borrow_raw(number) }).unwrap()
}

fn is_socket(number: RawFd) -> bool {
    SFlag::from_bits_truncate(stat(number).st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK
}

/// Whether this is the end of a timer's pipe that the library writes to.
fn is_write_end(number: RawFd) -> bool {
    if is_socket(number) {
        return false;
    }
    // SAFETY: as above.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    let mode = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap()) & OFlag::O_ACCMODE;
    // Some systems report both ends as open for reading and writing. The library fills such a pipe
    // from the read end, so that only the write end is writable.
    mode == OFlag::O_WRONLY || mode == OFlag::O_RDWR && polled(&fd, 0u8).contains(PollFlags::POLLOUT)
}

fn is_same_file(timer: &OwnedFd, number: RawFd) -> bool {
    let [one, other] = [timer.as_raw_fd(), number].map(stat);
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}
