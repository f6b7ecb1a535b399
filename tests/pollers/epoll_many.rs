//! `epoll` with many threads, many sets and many timers.

use crate::epoll::{assert_silent, epoll, epoll_with, EDGE, LEVEL};
use crate::support::*;
use crate::NUMBERS;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{getrlimit, Resource};
use portable_timerfd::{Backend, Clock, TimerFd};
use std::sync::{mpsc, PoisonError};
use std::thread;
use std::time::Duration;

crate::cases![
    no_expiration_is_lost_among_threads_that_wait_on_one_epoll,
    no_expiration_is_lost_between_exclusive_epolls,
    each_edge_wakes_one_of_the_waiting_threads,
    one_wait_reports_thousands_of_timers,
];

const END: u64 = u64::MAX;
const ROUNDS: u64 = 500;

/// Reads the timer whenever the set reports it, and sends each report, until the end timer is
/// reported.
fn serve(epoll: &Epoll, timer: &TimerFd, sender: &mpsc::Sender<Option<u64>>) {
    let mut event = [EpollEvent::empty()];
    loop {
        epoll.wait(&mut event, EpollTimeout::NONE).unwrap();
        if event[0].data() == END {
            return;
        }
        // Another thread may have read the count first.
        sender.send(timer.read().ok()).unwrap();
    }
}

/// Lets two threads wait on each set while the timer expires repeatedly; returns the number of
/// reports.
fn reports(backend: Backend, timer: &TimerFd, epolls: &[Epoll]) -> u64 {
    let end = open(backend);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for epoll in epolls.iter().chain(epolls) {
            let sender = sender.clone();
            scope.spawn(move || serve(epoll, timer, &sender));
        }
        let mut reports = 0;
        for _ in 0..ROUNDS {
            timer.arm_after(Duration::from_micros(20)).unwrap();
            let count = receiver.iter().inspect(|_| reports += 1).flatten().next();
            assert_eq!(count, Some(1));
        }
        epolls.iter().for_each(|epoll| epoll.add(&end, EpollEvent::new(LEVEL, END)).unwrap());
        end.arm_after(Duration::ZERO).unwrap();
        drop(sender);
        // These reports are of counts that another thread has read.
        reports + receiver.iter().inspect(|count| assert_eq!(*count, None)).count() as u64
    })
}

fn no_expiration_is_lost_among_threads_that_wait_on_one_epoll(backend: Backend) {
    for flags in [LEVEL, EDGE] {
        let timer = open(backend);
        assert!(reports(backend, &timer, &[epoll_with(&timer, flags)]) >= ROUNDS);
    }
}

fn no_expiration_is_lost_between_exclusive_epolls(backend: Backend) {
    for flags in [LEVEL, EDGE] {
        let timer = open(backend);
        let epolls = [(); 3].map(|()| epoll_with(&timer, flags | EpollFlags::EPOLLEXCLUSIVE));
        assert!(reports(backend, &timer, &epolls) >= ROUNDS);
    }
}

fn each_edge_wakes_one_of_the_waiting_threads(backend: Backend) {
    let timer = open(backend);
    assert_eq!(reports(backend, &timer, &[epoll_with(&timer, EDGE)]), ROUNDS);
}

/// Opens 4,000 timers, or as many as the descriptor limit allows.
fn crowd(backend: Backend) -> Vec<TimerFd> {
    let size = getrlimit(Resource::RLIMIT_NOFILE).unwrap().0.saturating_sub(200).min(8_000) / 8 * 4;
    (0..size).map(|_| open(backend)).collect()
}

/// Returns the keys that one wait reports, in order.
fn keys(epoll: &Epoll, most: usize) -> Vec<u64> {
    let mut events = vec![EpollEvent::empty(); most];
    let count = epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
    let mut keys: Vec<_> = events[..count].iter().map(EpollEvent::data).collect();
    keys.sort_unstable();
    keys
}

fn one_wait_reports_thousands_of_timers(backend: Backend) {
    let _all_numbers = NUMBERS.write().unwrap_or_else(PoisonError::into_inner);
    let timers = crowd(backend);
    let all: Vec<u64> = (0..timers.len() as u64).collect();
    let [edge, level] = [epoll(), epoll()];
    let add = |epoll: &Epoll, flags| {
        let events = all.iter().map(|key| EpollEvent::new(flags, *key));
        timers.iter().zip(events).for_each(|(timer, event)| epoll.add(timer, event).unwrap());
    };
    add(&edge, EDGE);
    let goal = Clock::Monotonic.now().unwrap() + ms(20);
    for timer in &timers {
        timer.arm_at(goal).unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < all.len() {
        seen.extend(keys(&edge, all.len()));
        assert!(Clock::Monotonic.now().unwrap() >= goal);
    }
    seen.sort_unstable();
    assert!(seen == all, "each is reported once");
    assert_silent(&edge);
    add(&level, LEVEL);
    assert!(keys(&level, all.len()) == all, "all at once");
    for four in timers.chunks(4) {
        four[0].disarm().unwrap();
        four[1].read().unwrap();
        four[2].arm_after(HOUR).unwrap();
    }
    let left: Vec<_> = all.iter().copied().filter(|key| key % 4 == 3).collect();
    assert!(keys(&level, all.len()) == left, "all except those read or disarmed");
}
