//! `select`, `pselect`, `poll` and `ppoll` report a timer as readable exactly while a count is
//! unread, and report nothing else.

use crate::support::*;
use crate::NUMBERS;
use nix::fcntl::{fcntl, FcntlArg};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{getrlimit, Resource};
use nix::sys::select::{pselect, select, FdSet};
use nix::sys::time::{TimeSpec, TimeVal};
use portable_timerfd::{Backend, Clock, Timer, TimerFd};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant};

crate::cases![
    every_call_reports_readable_exactly_while_a_count_is_unread,
    a_call_keeps_its_timeout_and_reports_nothing,
    timers_and_a_socket_share_a_call,
    a_call_for_many_timers_ends_with_the_first_and_never_early,
    a_descriptor_of_a_high_number_can_be_polled,
];

/// The report about one descriptor: readable, writable, any other event.
pub type Reported = [bool; 3];

const NOTHING: Reported = [false, false, false];
pub const READABLE: Reported = [true, false, false];

/// Requests all events of each descriptor, with or without a timeout.
pub type Call = fn(&[BorrowedFd<'_>], Option<Duration>) -> Vec<Reported>;

pub const SELECTS: [Call; 2] = [by_select, by_pselect];
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub const POLLS: [Call; 2] = [by_poll, by_ppoll];
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub const POLLS: [Call; 1] = [by_poll];

fn calls() -> impl Iterator<Item = Call> {
    SELECTS.into_iter().chain(POLLS)
}

/// While this lock is held, new descriptors have numbers that `select` accepts.
pub fn low_numbers() -> RwLockReadGuard<'static, ()> {
    NUMBERS.read().unwrap_or_else(PoisonError::into_inner)
}

fn by_sets<'fd>(fds: &[BorrowedFd<'fd>], call: impl FnOnce(&mut [FdSet<'fd>; 3]) -> nix::Result<i32>) -> Vec<Reported> {
    let mut all = FdSet::new();
    fds.iter().for_each(|fd| all.insert(*fd));
    let mut sets = [all; 3];
    call(&mut sets).unwrap();
    if cfg!(target_vendor = "apple") {
        // On these systems, either end of a pipe is in the write set, as docs/platforms.md says.
        sets[1].clear();
    }
    let [read, write, except] = &sets;
    fds.iter().map(|fd| [read, write, except].map(|set| set.contains(*fd))).collect()
}

fn by_select(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Vec<Reported> {
    let mut timeout = timeout.map(|time| TimeVal::new(0, time.as_micros().try_into().unwrap()));
    by_sets(fds, |[read, write, except]| select(None, read, write, except, &mut timeout))
}

fn by_pselect(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Vec<Reported> {
    let timeout = timeout.map(TimeSpec::from_duration);
    by_sets(fds, |[read, write, except]| pselect(None, read, write, except, &timeout, None))
}

fn by_entries(fds: &[BorrowedFd<'_>], call: impl FnOnce(&mut [PollFd<'_>]) -> nix::Result<i32>) -> Vec<Reported> {
    let all = PollFlags::POLLIN | PollFlags::POLLOUT | PollFlags::POLLPRI;
    let mut entries: Vec<_> = fds.iter().map(|fd| PollFd::new(*fd, all)).collect();
    call(&mut entries).unwrap();
    let report = |bits: PollFlags| {
        let [read, write] = [PollFlags::POLLIN, PollFlags::POLLOUT];
        [bits.contains(read), bits.contains(write), !(bits - read - write).is_empty()]
    };
    entries.iter().map(|entry| report(entry.revents().unwrap())).collect()
}

fn by_poll(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Vec<Reported> {
    let timeout = timeout.map_or(PollTimeout::NONE, |time| time.try_into().unwrap());
    by_entries(fds, |entries| nix::poll::poll(entries, timeout))
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn by_ppoll(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Vec<Reported> {
    let timeout = timeout.map(TimeSpec::from_duration);
    by_entries(fds, |entries| nix::poll::ppoll(entries, timeout, None))
}

fn every_call_reports_readable_exactly_while_a_count_is_unread(backend: Backend) {
    let _low = low_numbers();
    for call in calls() {
        let timer = open(backend);
        let now = || call(&[timer.as_fd()], Some(Duration::ZERO))[0];
        for _ in 0..3 {
            assert_eq!(now(), NOTHING);
            timer.arm_after(ms(1)).unwrap();
            assert_eq!(call(&[timer.as_fd()], None), [READABLE]);
            assert_eq!([(); 10].map(|()| now()), [READABLE; 10]);
            timer.read().unwrap();
            assert_eq!(now(), NOTHING);
            for put_off in [Timer::disarm, |timer: &TimerFd| timer.arm_after(HOUR)] {
                timer.arm_after(Duration::ZERO).unwrap();
                assert_eq!(call(&[timer.as_fd()], None), [READABLE]);
                put_off(&timer).unwrap();
                assert_eq!(now(), NOTHING);
            }
        }
    }
}

fn a_call_keeps_its_timeout_and_reports_nothing(backend: Backend) {
    let _low = low_numbers();
    let timers = [open(backend), open(backend)];
    timers[0].arm_after(HOUR).unwrap();
    for call in calls() {
        let begun = Instant::now();
        assert_eq!(call(&[timers[0].as_fd(), timers[1].as_fd()], Some(ms(3))), [NOTHING; 2]);
        assert!(begun.elapsed() >= ms(3));
    }
}

fn timers_and_a_socket_share_a_call(backend: Backend) {
    let _low = low_numbers();
    let timers = [Duration::ZERO, HOUR, ms(1), Duration::MAX].map(|delay| {
        let timer = open(backend);
        timer.arm_after(delay).unwrap();
        timer
    });
    let (mut talker, listener) = UnixStream::pair().unwrap();
    let mut all = timers.iter().map(AsFd::as_fd).collect::<Vec<_>>();
    all.push(listener.as_fd());
    until_readable(&timers[0]);
    until_readable(&timers[2]);
    for readable in [false, true] {
        for call in calls() {
            let reported = call(&all, None);
            assert_eq!(reported, [READABLE, NOTHING, READABLE, NOTHING, [readable, true, false]]);
        }
        talker.write_all(b"hello").unwrap();
    }
}

fn a_call_for_many_timers_ends_with_the_first_and_never_early(backend: Backend) {
    let _low = low_numbers();
    for call in calls() {
        let start = Clock::Monotonic.now().unwrap();
        let goal = |n: usize| start + Duration::from_micros(n as u64 * 7 % 20 * 500);
        let timers: Vec<TimerFd> = (0..20).map(|_| open(backend)).collect();
        for (n, timer) in timers.iter().enumerate() {
            timer.arm_at(goal(n)).unwrap();
        }
        let mut given = 0;
        while given < timers.len() {
            let reported = call(&timers.iter().map(AsFd::as_fd).collect::<Vec<_>>(), None);
            let now = Clock::Monotonic.now().unwrap();
            assert_ne!(reported, [NOTHING; 20]);
            for (n, timer) in timers.iter().enumerate().filter(|(n, _)| reported[*n] == READABLE) {
                assert!(now >= goal(n));
                assert_eq!(timer.read().unwrap(), 1);
                given += 1;
            }
        }
    }
}

fn a_descriptor_of_a_high_number_can_be_polled(backend: Backend) {
    let timer = open(backend);
    let number = getrlimit(Resource::RLIMIT_NOFILE).unwrap().0.saturating_sub(16).try_into().unwrap();
    let number = fcntl(&timer, FcntlArg::F_DUPFD_CLOEXEC(number)).unwrap();
    // SAFETY: this number was made just now, and no other code uses it.
    let high = unsafe { OwnedFd::from_raw_fd(number) };
    for call in POLLS {
        assert_eq!(call(&[high.as_fd()], Some(Duration::ZERO)), [NOTHING]);
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(call(&[high.as_fd()], None), [READABLE]);
        assert_eq!(raw_read(&high).unwrap(), 1);
        assert_eq!(call(&[high.as_fd()], Some(Duration::ZERO)), [NOTHING]);
    }
}
