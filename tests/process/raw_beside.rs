//! What timers that are known by their descriptors alone do to the rest of a process: nothing.

use crate::common::{assert_errno, descriptors, raw_read, until_readable};
use crate::raw::{create, set, until, HOUR, MS};
use nix::libc;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{dup2_raw, fork, pipe2, read, ForkResult};
use portable_timerfd::backends::userspace::RawTimer;
use portable_timerfd::{Clock, TimerSpec};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

crate::cases![
    userspace:
        who_closes_every_number_loses_the_timer_and_nothing_else,
        who_closes_the_librarys_numbers_has_a_timer_no_more,
        what_nobody_reads_is_refreshed_beyond_the_low_numbers,
        forks_amid_calls_leave_nothing_in_the_children;
];

fn who_closes_every_number_loses_the_timer_and_nothing_else() {
    let before = descriptors();
    let fd = create();
    set(&fd, TimerSpec::after(20 * MS).every(MS));
    let number = fd.as_raw_fd();
    let (theirs, writer) = pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
    let ours: Vec<RawFd> = descriptors().difference(&before).copied().filter(|&fd| fd > writer.as_raw_fd()).collect();
    assert!(!ours.is_empty());
    // What the library had is the other pipe's now.
    take_over(ours.iter().chain([&number]), &writer);
    std::mem::forget(fd);
    until(|| std::fs::read_dir("/proc/self/task").unwrap().count() == 1);
    assert_untouched(&theirs, ours);
}

/// Puts another file behind these numbers.
fn take_over<'a>(numbers: impl IntoIterator<Item = &'a RawFd>, file: &OwnedFd) {
    for number in numbers {
        // SAFETY: nobody uses these numbers as what they were but the library, which is what is asked.
        std::mem::forget(unsafe { dup2_raw(file, *number) }.unwrap());
    }
}

/// Nothing was written to a pipe whose other end is behind these numbers, nor was one closed.
fn assert_untouched(reader: &OwnedFd, numbers: Vec<RawFd>) {
    assert_eq!(read(reader, &mut [0; 8]), Err(nix::errno::Errno::EAGAIN), "nothing was written there");
    assert!(descriptors().is_superset(&numbers.into_iter().collect()), "nor was it closed");
}

fn who_closes_the_librarys_numbers_has_a_timer_no_more() {
    let before = descriptors();
    let fd = create();
    set(&fd, TimerSpec::after(HOUR));
    let number = fd.as_raw_fd();
    let (theirs, writer) = pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
    let known = [number, theirs.as_raw_fd(), writer.as_raw_fd()];
    let ours: Vec<RawFd> = descriptors().difference(&before).copied().filter(|fd| !known.contains(fd)).collect();
    take_over(&ours, &writer);
    let found = RawTimer::find(number).unwrap();
    assert_errno(found.settime(&TimerSpec::after(Duration::ZERO)), libc::EINVAL);
    assert_errno(RawTimer::find(number), libc::EINVAL);
    assert_untouched(&theirs, ours);
}

fn what_nobody_reads_is_refreshed_beyond_the_low_numbers() {
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
    assert!(raw_read(&timers[0]).unwrap() > 100, "it was refreshed");
}

fn forks_amid_calls_leave_nothing_in_the_children() {
    const FORKS: usize = 60;
    let before = pipes();
    let timers: Vec<OwnedFd> = (0..3).map(|_| create()).collect();
    assert!(pipes() >= before + 2 * timers.len(), "the library has its own");
    let stop = AtomicBool::new(false);
    let unclean = thread::scope(|scope| {
        for timer in &timers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    set(timer, TimerSpec::at(MS).every(MS));
                    RawTimer::find(timer.as_raw_fd()).unwrap().gettime().unwrap();
                }
            });
        }
        let unclean = (0..FORKS).filter(|_| !is_clean_child(before + timers.len())).count();
        stop.store(true, Ordering::Relaxed);
        unclean
    });
    // A fork does not wait for ever.
    assert!(unclean <= FORKS / 10, "{unclean} of {FORKS} have what is not theirs");
}

/// Whether a forked child has so many pipes.
fn is_clean_child(expected: usize) -> bool {
    // SAFETY: the child asks what it has open, by std, whose locks no other thread of this program holds.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let found = pipes();
            // SAFETY: the child must not run the parent's exit handlers.
            unsafe { libc::_exit(i32::from(found != expected)) }
        }
        ForkResult::Parent { child } => waitpid(child, None).unwrap() == WaitStatus::Exited(child, 0),
    }
}

/// How many descriptors this process has of pipes.
fn pipes() -> usize {
    let name = |fd: &RawFd| std::fs::read_link(format!("/proc/self/fd/{fd}")).ok();
    let is_pipe = |fd: &RawFd| name(fd).is_some_and(|name| name.to_string_lossy().starts_with("pipe:"));
    descriptors().into_iter().filter(is_pipe).count()
}
