//! Real pollers: a timer is readable at once when the clock has moved, and not before.

use crate::common::*;
use crate::open;
use nix::sys::select::{select, FdSet};
use nix::sys::time::TimeVal;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Clock, Registered, SimulatedClock, TimerFd};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

/// Returns the keys that are ready now.
fn ready(poller: &Poller) -> Vec<usize> {
    let mut events = Events::new();
    poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
    let mut keys: Vec<usize> = events.iter().map(|event| event.key).collect();
    keys.sort_unstable();
    keys
}

fn is_selected(timer: &TimerFd) -> bool {
    let mut reading = FdSet::new();
    reading.insert(timer.as_fd());
    select(None, &mut reading, None, None, &mut TimeVal::new(0, 0)).unwrap() > 0
}

#[test]
fn a_polling_loop_reports_due_timers_at_once() {
    let simulated = SimulatedClock::new();
    let poller = Arc::new(Poller::new().unwrap());
    let timers: Vec<_> = (1..=3)
        .map(|key| {
            let timer = open(&simulated, Clock::Monotonic);
            timer.arm_every(SECOND * key).unwrap();
            Registered::new(&poller, timer, Event::readable(key as usize), PollMode::Oneshot).unwrap()
        })
        .collect();
    assert_eq!(ready(&poller), []);
    for due in [&[1][..], &[1, 2], &[1, 3], &[1, 2], &[1], &[1, 2, 3]] {
        assert_eq!(simulated.advance_to_next(), Some(SECOND));
        assert_eq!(ready(&poller), due);
        for &key in due {
            assert_eq!(timers[key - 1].read().unwrap(), 1);
            timers[key - 1].modify(Event::readable(key), PollMode::Oneshot).unwrap();
        }
        assert_eq!(ready(&poller), []);
    }
}

#[test]
fn select_and_poll_report_a_timer_at_once_and_never_as_writable() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Realtime);
    timer.arm_after(HOUR).unwrap();
    for (by, is_due) in [(HOUR - SECOND, false), (SECOND, true)] {
        simulated.advance(by);
        assert_eq!((is_selected(&timer), is_readable(&timer)), (is_due, is_due));
        assert!(!polled(&timer, 0u8).contains(nix::poll::PollFlags::POLLOUT));
    }
    timer.disarm().unwrap();
    assert!(!is_selected(&timer));
}

/// With edge-triggered `epoll`, every expiration is an edge.
#[test]
fn every_advance_past_an_expiration_is_an_edge() {
    let simulated = SimulatedClock::new();
    let poller = Arc::new(Poller::new().unwrap());
    if !poller.supports_edge() {
        return;
    }
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(SECOND).unwrap();
    let timer = Registered::new(&poller, timer, Event::readable(7), PollMode::Edge).unwrap();
    for _ in 0..3 {
        simulated.advance(SECOND);
        assert_eq!(ready(&poller), [7]);
        simulated.advance(SECOND / 2);
        simulated.advance(SECOND / 4);
        assert_eq!(ready(&poller), []);
        simulated.advance(SECOND / 4);
        assert_eq!(ready(&poller), [7], "an unread count is an edge again");
        assert_eq!(timer.read().unwrap(), 2);
    }
}
