//! A thread blocks in a poller, without a timeout, while another thread sets the timer: it wakes,
//! and never early.

use crate::calls::{low_numbers, Call, POLLS, READABLE, SELECTS};
use crate::setup::{keys, modes, poller};
use crate::support::*;
use polling::{Event, PollMode};
use portable_timerfd::{Backend, Clock, ClockTime, Registered, TimerFd};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

crate::cases![
    a_blocked_poller_wakes_when_another_thread_arms,
    a_blocked_poller_wakes_at_an_earlier_time,
    a_blocked_poller_keeps_sleeping_when_the_time_is_postponed,
    a_blocked_poller_keeps_sleeping_when_another_thread_disarms,
];

/// Blocks until a poller reports its timer.
type Wait = Box<dyn Fn() + Sync>;

fn by_call(timer: &Arc<TimerFd>, call: Call) -> Wait {
    let timer = Arc::clone(timer);
    Box::new(move || assert_eq!(call(&[timer.as_fd()], None), [READABLE]))
}

fn by_polling(timer: &Arc<TimerFd>, mode: PollMode) -> Wait {
    let poller = poller();
    let timer = Registered::new(&poller, Arc::clone(timer), Event::none(5), mode).unwrap();
    Box::new(move || {
        // The registration may be modified while the poller waits.
        timer.modify(Event::readable(5), mode).unwrap();
        assert_eq!(keys(&poller, None), [5]);
    })
}

#[cfg(target_os = "linux")]
fn by_epolls(timer: &Arc<TimerFd>) -> Vec<Wait> {
    use crate::epoll::{assert_reported, epoll_with, modify, EDGE, LEVEL, ONESHOT};
    use nix::sys::epoll::EpollFlags;
    let oneshot = (epoll_with(&**timer, ONESHOT), Arc::clone(timer));
    let inner = epoll_with(&**timer, LEVEL);
    let outer = epoll_with(&inner.0, LEVEL);
    let mut waits: Vec<Wait> = Vec::new();
    for flags in [LEVEL, EDGE, LEVEL | EpollFlags::EPOLLEXCLUSIVE, EDGE | EpollFlags::EPOLLEXCLUSIVE] {
        let epoll = epoll_with(&**timer, flags);
        waits.push(Box::new(move || assert_reported(&epoll)));
    }
    waits.push(Box::new(move || {
        modify(&oneshot.0, &*oneshot.1, ONESHOT);
        assert_reported(&oneshot.0);
    }));
    waits.push(Box::new(move || {
        assert_reported(&outer);
        assert_reported(&inner);
    }));
    waits
}

#[cfg(not(target_os = "linux"))]
fn by_epolls(_: &Arc<TimerFd>) -> Vec<Wait> {
    Vec::new()
}

/// Returns every way to wait for a timer.
fn waits(timer: &Arc<TimerFd>) -> Vec<Wait> {
    let calls = SELECTS.into_iter().chain(POLLS).map(|call| by_call(timer, call));
    calls.chain(modes().map(|mode| by_polling(timer, mode))).chain(by_epolls(timer)).collect()
}

fn now() -> ClockTime {
    Clock::Monotonic.now().unwrap()
}

/// Sets the timer while the other thread waits. Returns the last time that it has set, and whether
/// it was in time to prevent an earlier expiration.
///
/// The duration is the delay of that earlier expiration. A script pauses for a quarter of it.
type Script = fn(&TimerFd, Duration) -> (ClockTime, bool);

/// Runs the script with each kind of waiter, until it was in time often enough.
///
/// A round that was not in time shows nothing. After such a round, the delay doubles, so that the
/// pauses fit into it, however coarse the system's ticks are.
fn check(backend: Backend, script: Script) {
    let _low = low_numbers();
    let kinds = waits(&Arc::new(open(backend))).len();
    for kind in 0..kinds {
        let timer = Arc::new(open(backend));
        // Only one waiter is registered at a time, because some registrations are exclusive.
        let wait = waits(&timer).swap_remove(kind);
        let mut delay = ms(2);
        let mut rounds = 0;
        while rounds < 4 {
            if is_in_time(&timer, &wait, |timer| script(timer, delay)) {
                rounds += 1;
            } else {
                delay *= 2;
            }
        }
    }
}

fn is_in_time(timer: &TimerFd, wait: &(dyn Fn() + Sync), script: impl Fn(&TimerFd) -> (ClockTime, bool)) -> bool {
    thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            wait();
            now()
        });
        let (goal, is_in_time) = script(timer);
        let woken = waiter.join().unwrap();
        assert!(woken >= goal || !is_in_time, "woken at {woken:?}, set for {goal:?}");
        assert_eq!(timer.wait(None).unwrap(), 1);
        is_in_time
    })
}

/// The waiter may have blocked by now or not: both are correct.
fn pause(delay: Duration) {
    thread::sleep(delay / 4);
}

fn sleep_past(time: ClockTime) {
    while now() <= time {
        thread::sleep(time.saturating_duration_since(now()) + ms(1));
    }
}

fn a_blocked_poller_wakes_when_another_thread_arms(backend: Backend) {
    check(backend, |timer, delay| {
        pause(delay);
        let goal = now() + ms(1);
        timer.arm_at(goal).unwrap();
        (goal, true)
    });
    check(backend, |timer, _| {
        let goal = now();
        timer.arm_after(Duration::ZERO).unwrap();
        (goal, true)
    });
}

fn a_blocked_poller_wakes_at_an_earlier_time(backend: Backend) {
    check(backend, |timer, delay| {
        timer.arm_after(HOUR).unwrap();
        pause(delay);
        let goal = now() + ms(1);
        timer.arm_at(goal).unwrap();
        (goal, true)
    });
}

fn a_blocked_poller_keeps_sleeping_when_the_time_is_postponed(backend: Backend) {
    check(backend, |timer, delay| {
        let soon = now() + delay;
        timer.arm_at(soon).unwrap();
        pause(delay);
        let goal = soon + delay;
        timer.arm_at(goal).unwrap();
        (goal, now() < soon)
    });
}

fn a_blocked_poller_keeps_sleeping_when_another_thread_disarms(backend: Backend) {
    check(backend, |timer, delay| {
        let soon = now() + delay;
        timer.arm_at(soon).unwrap();
        pause(delay);
        timer.disarm().unwrap();
        let is_in_time = now() < soon;
        sleep_past(soon);
        let goal = now() + ms(1);
        timer.arm_at(goal).unwrap();
        (goal, is_in_time)
    });
}
