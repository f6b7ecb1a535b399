//! `epoll`: level-triggered, edge-triggered and one-shot, nested, in two sets, by a duplicate.

use crate::support::*;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use portable_timerfd::{Backend, Clock, Timer, TimerFd};
use std::os::fd::AsFd;
use std::time::Duration;

crate::cases![
    level_reports_an_expiration_until_it_is_read,
    edge_reports_each_expiration_once,
    edge_reports_an_expiration_that_came_before,
    edge_reports_an_unread_count_again_after_a_modification,
    oneshot_reports_once_and_again_after_a_modification,
    a_timer_disarmed_before_the_wait_is_not_reported,
    nothing_but_readability_is_ever_reported,
    an_epoll_in_an_epoll_is_readable_exactly_while_its_timer_is,
    a_timer_in_two_epolls_is_reported_by_both,
    a_duplicate_and_its_original_are_both_reported,
    a_removed_timer_is_not_reported,
    a_dropped_timer_leaves_the_epoll_by_itself,
];

pub const LEVEL: EpollFlags = EpollFlags::EPOLLIN;
pub const EDGE: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLET);
pub const ONESHOT: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLONESHOT);
/// The key of a timer that is alone in its set.
const KEY: u64 = 5;

pub fn epoll() -> Epoll {
    Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap()
}

pub fn epoll_with(source: &impl AsFd, flags: EpollFlags) -> Epoll {
    let epoll = epoll();
    epoll.add(source, EpollEvent::new(flags, KEY)).unwrap();
    epoll
}

pub fn modify(epoll: &Epoll, source: &impl AsFd, flags: EpollFlags) {
    epoll.modify(source, &mut EpollEvent::new(flags, KEY)).unwrap();
}

/// Returns the events reported within this time, with their keys.
fn reported(epoll: &Epoll, timeout: EpollTimeout) -> Vec<(u64, EpollFlags)> {
    let mut events = [EpollEvent::empty(); 8];
    let count = epoll.wait(&mut events, timeout).unwrap();
    let mut reported: Vec<_> = events[..count].iter().map(|event| (event.data(), event.events())).collect();
    reported.sort_unstable_by_key(|(key, _)| *key);
    reported
}

/// Waits for the only timer.
#[track_caller]
pub fn assert_reported(epoll: &Epoll) {
    assert_eq!(reported(epoll, EpollTimeout::NONE), [(KEY, EpollFlags::EPOLLIN)]);
}

#[track_caller]
pub fn assert_silent(epoll: &Epoll) {
    assert_eq!(reported(epoll, EpollTimeout::ZERO), []);
}

/// Arms the timer and asserts that its expiration is reported.
#[track_caller]
fn assert_expiration_is_reported(epoll: &Epoll, timer: &TimerFd) {
    let goal = Clock::Monotonic.now().unwrap() + ms(1);
    timer.arm_at(goal).unwrap();
    assert_reported(epoll);
    assert!(Clock::Monotonic.now().unwrap() >= goal);
}

/// Lets the timer expire. When this returns, the expiration is visible everywhere, because the
/// emulation's `set` delivers it.
fn expire(timer: &TimerFd) {
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(timer);
}

fn level_reports_an_expiration_until_it_is_read(backend: Backend) {
    let timer = open(backend);
    let epoll = epoll_with(&timer, LEVEL);
    for _ in 0..3 {
        assert_silent(&epoll);
        assert_expiration_is_reported(&epoll, &timer);
        assert_reported(&epoll);
        timer.read().unwrap();
        assert_silent(&epoll);
    }
}

fn edge_reports_each_expiration_once(backend: Backend) {
    let timer = open(backend);
    let epoll = epoll_with(&timer, EDGE);
    for round in 0..20 {
        assert_silent(&epoll);
        assert_expiration_is_reported(&epoll, &timer);
        assert_silent(&epoll);
        // The next expiration is an edge whether or not this one was read.
        if round % 2 == 0 {
            assert_eq!(timer.read().unwrap(), 1);
        }
    }
}

fn edge_reports_an_expiration_that_came_before(backend: Backend) {
    let timer = open(backend);
    expire(&timer);
    let epoll = epoll_with(&timer, EDGE);
    assert_reported(&epoll);
    assert_silent(&epoll);
    assert_expiration_is_reported(&epoll, &timer);
}

fn edge_reports_an_unread_count_again_after_a_modification(backend: Backend) {
    let timer = open(backend);
    let epoll = epoll_with(&timer, EDGE);
    assert_expiration_is_reported(&epoll, &timer);
    modify(&epoll, &timer, EDGE);
    assert_reported(&epoll);
    timer.read().unwrap();
    modify(&epoll, &timer, EDGE);
    assert_silent(&epoll);
}

fn oneshot_reports_once_and_again_after_a_modification(backend: Backend) {
    for flags in [ONESHOT, ONESHOT | EDGE] {
        let timer = open(backend);
        let epoll = epoll_with(&timer, flags);
        assert_expiration_is_reported(&epoll, &timer);
        assert_silent(&epoll);
        modify(&epoll, &timer, flags);
        assert_reported(&epoll);
        timer.read().unwrap();
        expire(&timer);
        assert_silent(&epoll);
        timer.disarm().unwrap();
        modify(&epoll, &timer, flags);
        assert_silent(&epoll);
        assert_expiration_is_reported(&epoll, &timer);
    }
}

fn a_timer_disarmed_before_the_wait_is_not_reported(backend: Backend) {
    for flags in [LEVEL, EDGE, ONESHOT, ONESHOT | EDGE] {
        let timer = open(backend);
        let epoll = epoll_with(&timer, flags);
        for undo in [Timer::disarm, |timer: &TimerFd| timer.arm_after(HOUR)] {
            expire(&timer);
            undo(&timer).unwrap();
            assert_silent(&epoll);
        }
        assert_expiration_is_reported(&epoll, &timer);
    }
}

/// This holds while the timer lives.
fn nothing_but_readability_is_ever_reported(backend: Backend) {
    use EpollFlags as F;
    let all = F::EPOLLIN | F::EPOLLOUT | F::EPOLLPRI | F::EPOLLRDHUP | F::EPOLLERR | F::EPOLLHUP;
    let all = all | F::EPOLLMSG | F::EPOLLRDBAND | F::EPOLLWRBAND | F::EPOLLWRNORM;
    let timer = open(backend);
    let [without, edge, level] = [all - F::EPOLLIN, all | F::EPOLLET, all].map(|flags| epoll_with(&timer, flags));
    for _ in 0..3 {
        [&without, &edge, &level].into_iter().for_each(assert_silent);
        assert_expiration_is_reported(&level, &timer);
        assert_reported(&edge);
        assert_silent(&without);
        timer.disarm().unwrap();
    }
}

fn an_epoll_in_an_epoll_is_readable_exactly_while_its_timer_is(backend: Backend) {
    let timer = open(backend);
    let inner = epoll_with(&timer, LEVEL);
    let [level, edge] = [LEVEL, EDGE].map(|flags| epoll_with(&inner.0, flags));
    for is_read in [true, false] {
        [&level, &edge, &inner].into_iter().for_each(assert_silent);
        assert!(!is_readable(&inner.0));
        assert_expiration_is_reported(&level, &timer);
        assert!(is_readable(&inner.0));
        assert_reported(&edge);
        assert_reported(&level);
        if is_read {
            timer.read().unwrap();
        } else {
            timer.disarm().unwrap();
        }
        assert!(!is_readable(&inner.0));
    }
    assert_expiration_is_reported(&edge, &timer);
    assert_reported(&inner);
}

fn a_timer_in_two_epolls_is_reported_by_both(backend: Backend) {
    for flags in [LEVEL, EDGE, ONESHOT] {
        let timer = open(backend);
        let [first, second] = [flags, flags].map(|flags| epoll_with(&timer, flags));
        assert_expiration_is_reported(&first, &timer);
        assert_reported(&second);
        timer.read().unwrap();
        [&first, &second].into_iter().for_each(assert_silent);
    }
}

fn a_duplicate_and_its_original_are_both_reported(backend: Backend) {
    let timer = open(backend);
    let duplicate = timer.as_fd().try_clone_to_owned().unwrap();
    let epoll = epoll_with(&duplicate, LEVEL);
    assert_expiration_is_reported(&epoll, &timer);
    epoll.add(&timer, EpollEvent::new(LEVEL, KEY + 1)).unwrap();
    let both = [(KEY, EpollFlags::EPOLLIN), (KEY + 1, EpollFlags::EPOLLIN)];
    assert_eq!(reported(&epoll, EpollTimeout::NONE), both);
    timer.read().unwrap();
    assert_silent(&epoll);
    expire(&timer);
    assert_eq!(reported(&epoll, EpollTimeout::NONE), both);
    assert_eq!(raw_read(&duplicate).unwrap(), 1);
    assert_silent(&epoll);
    epoll.delete(&timer).unwrap();
    assert_expiration_is_reported(&epoll, &timer);
}

fn a_removed_timer_is_not_reported(backend: Backend) {
    let timer = open(backend);
    for flags in [LEVEL, EDGE, ONESHOT] {
        let epoll = epoll_with(&timer, flags);
        expire(&timer);
        epoll.delete(&timer).unwrap();
        assert_silent(&epoll);
        assert_eq!(timer.read().unwrap(), 1);
    }
}

/// The descriptor of the timer was the only one.
fn a_dropped_timer_leaves_the_epoll_by_itself(backend: Backend) {
    let epoll = epoll();
    for _ in 0..50 {
        let timer = open(backend);
        epoll.add(&timer, EpollEvent::new(LEVEL, KEY)).unwrap();
        timer.arm_every(Duration::from_micros(100)).unwrap();
        assert_reported(&epoll);
        drop(timer);
        assert_silent(&epoll);
    }
}
