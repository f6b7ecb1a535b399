//! calloop: a user's own type as an event source.

use crate::sources::{assert_closed, Heartbeat, Line};
use crate::support::*;
use ::calloop::{Dispatcher, EventLoop, PostAction};
use portable_timerfd::loops::calloop_0_14::CalloopSource;
use portable_timerfd::{Backend, Clock, SimulatedClock};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

crate::cases![
    a_callback_gets_the_source_until_it_is_read,
    a_rearmed_source_is_reported_again,
    a_source_that_is_no_longer_due_is_not_reported,
    a_source_without_a_timer_is_reported_until_all_is_read,
    a_source_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved,
    a_disabled_source_is_silent_and_loses_nothing,
    a_source_that_was_taken_out_is_deregistered,
    a_source_leaves_no_descriptor,
    a_source_keeps_the_mode_of_its_descriptor,
    a_replaced_value_wakes_no_other_source,
    an_error_of_the_callback_is_one_of_the_dispatch,
];

/// What a callback has done: the number of its calls, and the sum of what it has read.
type Seen = (u32, u64);

type Beats = EventLoop<'static, Seen>;

fn new_loop() -> Beats {
    EventLoop::try_new().unwrap()
}

fn source(backend: Backend) -> CalloopSource<Heartbeat> {
    CalloopSource::new(Heartbeat::new(open(backend))).unwrap()
}

fn count_call((): (), _: &mut Heartbeat, seen: &mut Seen) -> io::Result<PostAction> {
    seen.0 += 1;
    Ok(PostAction::Continue)
}

fn read((): (), heartbeat: &mut Heartbeat, seen: &mut Seen) -> io::Result<PostAction> {
    let before = heartbeat.sent;
    heartbeat.on_readable()?;
    *seen = (seen.0 + 1, seen.1 + heartbeat.sent - before);
    Ok(PostAction::Continue)
}

/// Dispatches until a callback was called.
fn next(event_loop: &mut Beats) -> Seen {
    let mut seen = (0, 0);
    while seen.0 == 0 {
        event_loop.dispatch(None, &mut seen).unwrap();
    }
    seen
}

#[track_caller]
fn assert_silent(event_loop: &mut Beats) {
    let mut seen = (0, 0);
    for limit in [Duration::ZERO, ms(2)] {
        event_loop.dispatch(Some(limit), &mut seen).unwrap();
    }
    assert_eq!(seen, (0, 0));
}

fn a_callback_gets_the_source_until_it_is_read(backend: Backend) {
    let mut event_loop = new_loop();
    let source = source(backend);
    let goal = Clock::Monotonic.now().unwrap() + ms(1);
    source.get_ref().timer.arm_at(goal).unwrap();
    let mut calls = 0;
    let every_fifth = move |(): (), heartbeat: &mut Heartbeat, seen: &mut Seen| {
        calls += 1;
        if calls % 5 == 0 {
            read((), heartbeat, seen)
        } else {
            count_call((), heartbeat, seen)
        }
    };
    let dispatcher = Dispatcher::new(source, every_fifth);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    for sum in [0, 0, 0, 0, 1] {
        assert_eq!(next(&mut event_loop), (1, sum));
        assert!(Clock::Monotonic.now().unwrap() >= goal);
    }
    assert_silent(&mut event_loop);
    assert_eq!(dispatcher.as_source_ref().get_ref().sent, 1, "the callback has changed it");
    dispatcher.as_source_mut().get_mut().sent = 7;
    assert_eq!(dispatcher.as_source_ref().get_ref().sent, 7);
}

fn a_rearmed_source_is_reported_again(backend: Backend) {
    let mut event_loop = new_loop();
    let dispatcher = Dispatcher::new(source(backend), read);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    for _ in 0..5 {
        let goal = Clock::Monotonic.now().unwrap() + ms(1);
        dispatcher.as_source_ref().get_ref().timer.arm_at(goal).unwrap();
        assert_eq!(next(&mut event_loop), (1, 1));
        assert!(Clock::Monotonic.now().unwrap() >= goal);
    }
    assert_silent(&mut event_loop);
}

fn a_source_that_is_no_longer_due_is_not_reported(backend: Backend) {
    let mut event_loop = new_loop();
    let dispatcher = Dispatcher::new(source(backend), count_call);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    for _ in 0..3 {
        let expire = || {
            let source = dispatcher.as_source_ref();
            source.get_ref().timer.arm_after(Duration::ZERO).unwrap();
            until_readable(&source.get_ref().timer);
        };
        expire();
        dispatcher.as_source_ref().get_ref().timer.arm_after(HOUR).unwrap();
        assert_silent(&mut event_loop);
        expire();
        assert_eq!(next(&mut event_loop), (1, 0));
        dispatcher.as_source_ref().get_ref().timer.read().unwrap();
        assert_silent(&mut event_loop);
    }
}

fn a_source_without_a_timer_is_reported_until_all_is_read(_: Backend) {
    let mut event_loop = new_loop();
    let (line, mut peer) = Line::new();
    let take = |(): (), line: &mut Line, seen: &mut Seen| {
        *seen = (seen.0 + 1, line.next().into());
        Ok(PostAction::Continue)
    };
    event_loop.handle().insert_source(CalloopSource::new(line).unwrap(), take).unwrap();
    for _ in 0..3 {
        assert_silent(&mut event_loop);
        peer.write_all(b"abc").unwrap();
        for byte in *b"abc" {
            assert_eq!(next(&mut event_loop), (1, byte.into()));
        }
    }
    assert_silent(&mut event_loop);
}

/// Runs in simulated time, for every backend.
fn a_source_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved(_: Backend) {
    let mut event_loop = new_loop();
    let simulated = SimulatedClock::new();
    let heartbeat = Heartbeat::new(simulated.timer(Clock::Monotonic).unwrap().into());
    heartbeat.timer.arm_every(HOUR).unwrap();
    event_loop.handle().insert_source(CalloopSource::new(heartbeat).unwrap(), read).unwrap();
    for _ in 0..3 {
        simulated.advance(HOUR - SECOND);
        assert_silent(&mut event_loop);
        simulated.advance(SECOND);
        let mut seen = (0, 0);
        event_loop.dispatch(Some(Duration::ZERO), &mut seen).unwrap();
        assert_eq!(seen, (1, 1));
    }
}

fn a_disabled_source_is_silent_and_loses_nothing(backend: Backend) {
    let mut event_loop = new_loop();
    let source = source(backend);
    source.get_ref().timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&source.get_ref().timer);
    let token = event_loop.handle().insert_source(source, read).unwrap();
    event_loop.handle().disable(&token).unwrap();
    assert_silent(&mut event_loop);
    event_loop.handle().enable(&token).unwrap();
    assert_eq!(next(&mut event_loop), (1, 1));
    event_loop.handle().update(&token).unwrap();
    assert_silent(&mut event_loop);
}

/// If the registration remained, the next one, with the same descriptor number, would fail.
fn a_source_that_was_taken_out_is_deregistered(backend: Backend) {
    let mut event_loop = new_loop();
    let mut value = Heartbeat::new(open(backend));
    let number = value.timer.as_raw_fd();
    for sent in 1..=50 {
        value.timer.arm_after(ms(1)).unwrap();
        let dispatcher = Dispatcher::new(CalloopSource::new(value).unwrap(), read);
        let token = event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
        assert_eq!(next(&mut event_loop), (1, 1));
        event_loop.handle().remove(token);
        value = Dispatcher::into_source_inner(dispatcher).into_inner();
        assert_eq!((value.timer.as_raw_fd(), value.sent), (number, sent));
    }
    value.timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&value.timer);
    assert_silent(&mut event_loop);
    assert_eq!(value.timer.read().unwrap(), 1);
}

fn a_source_leaves_no_descriptor(_: Backend) {
    let ignore = |(): (), _: &mut Line, _: &mut Seen| Ok(PostAction::Continue);
    for was_dispatched in [false, true] {
        let mut event_loop = new_loop();
        let lines = [(); 3].map(|()| Line::new());
        let [(taken, taken_peer), (removed, removed_peer), (left, left_peer)] = lines;
        let taken = Dispatcher::new(CalloopSource::new(taken).unwrap(), ignore);
        let taken_token = event_loop.handle().register_dispatcher(taken.clone()).unwrap();
        let insert = |line| event_loop.handle().insert_source(CalloopSource::new(line).unwrap(), ignore).unwrap();
        let removed_token = insert(removed);
        insert(left);
        if was_dispatched {
            assert_silent(&mut event_loop);
        }
        event_loop.handle().remove(taken_token);
        let line = Dispatcher::into_source_inner(taken).into_inner();
        event_loop.handle().remove(removed_token);
        for (peer, closed) in [(&taken_peer, false), (&removed_peer, true), (&left_peer, false)] {
            assert_closed(peer, closed);
        }
        drop(line);
        assert_closed(&taken_peer, true);
        drop(event_loop);
        assert_closed(&left_peer, true);
        let (line, peer) = Line::new();
        drop(CalloopSource::new(line).unwrap());
        assert_closed(&peer, true);
    }
}

fn a_source_keeps_the_mode_of_its_descriptor(backend: Backend) {
    for (timer, nonblocking) in [(open(backend), true), (open_blocking(backend), false)] {
        let mut event_loop = new_loop();
        timer.arm_after(ms(1)).unwrap();
        let dispatcher = Dispatcher::new(CalloopSource::new(Heartbeat::new(timer)).unwrap(), read);
        event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
        assert_eq!(next(&mut event_loop), (1, 1));
        let source = dispatcher.as_source_ref();
        assert_eq!(is_nonblocking_and_closed_on_exec(&source.get_ref().timer), (nonblocking, true));
    }
}

/// Replacing the value does not end its registration. A later descriptor may reuse its number.
fn a_replaced_value_wakes_no_other_source(backend: Backend) {
    let mut came_again = false;
    for by_callback in [true, false].repeat(10) {
        let mut event_loop: EventLoop<'static, [Seen; 2]> = EventLoop::try_new().unwrap();
        let former = open(backend);
        let number = former.as_raw_fd();
        let mut another = by_callback.then(|| Heartbeat::new(open(backend)));
        let replace = move |(): (), heartbeat: &mut Heartbeat, seen: &mut [Seen; 2]| {
            if let Some(another) = another.take() {
                *heartbeat = another;
            }
            count_call((), heartbeat, &mut seen[0])
        };
        former.arm_every(Duration::from_micros(100)).unwrap();
        let replaced = Dispatcher::new(CalloopSource::new(Heartbeat::new(former)).unwrap(), replace);
        let token = event_loop.handle().register_dispatcher(replaced.clone()).unwrap();
        let mut seen = [(0, 0); 2];
        while seen[0].0 == 0 {
            event_loop.dispatch(None, &mut seen).unwrap();
        }
        if !by_callback {
            let other = Heartbeat::new(open(backend));
            *replaced.as_source_mut().get_mut() = other;
        }
        let values = [(); 3].map(|()| Heartbeat::new(open(backend)));
        came_again |= values.iter().any(|value| value.timer.as_raw_fd() == number);
        let read_other = |(), heartbeat: &mut Heartbeat, seen: &mut [Seen; 2]| read((), heartbeat, &mut seen[1]);
        let others = values.map(|value| Dispatcher::new(CalloopSource::new(value).unwrap(), read_other));
        others.iter().for_each(|other| {
            event_loop.handle().register_dispatcher(other.clone()).unwrap();
        });
        for n in 0..3 {
            for _ in 0..3 {
                event_loop.dispatch(Some(ms(1)), &mut seen).unwrap();
            }
            assert_eq!(seen[1], (n, n.into()), "calls without an expiration");
            others[n as usize].as_source_ref().get_ref().timer.arm_after(ms(1)).unwrap();
            while seen[1].0 == n {
                event_loop.dispatch(None, &mut seen).unwrap();
            }
        }
        event_loop.handle().remove(token);
        let replaced = Dispatcher::into_source_inner(replaced).into_inner();
        replaced.timer.arm_after(ms(1)).unwrap();
        assert_eq!(replaced.timer.wait(None).unwrap(), 1);
        event_loop.dispatch(Some(ms(1)), &mut seen).unwrap();
        assert_eq!(seen[1], (3, 3));
        // The end of the former registration does not end those of the others.
        for (n, other) in (3..).zip(&others) {
            other.as_source_ref().get_ref().timer.arm_after(ms(1)).unwrap();
            while seen[1].0 == n {
                event_loop.dispatch(None, &mut seen).unwrap();
            }
        }
    }
    // Other tests may have taken the number in between, but not each time.
    assert!(came_again, "a number comes again");
}

fn an_error_of_the_callback_is_one_of_the_dispatch(backend: Backend) {
    let mut event_loop = new_loop();
    let source = source(backend);
    source.get_ref().timer.arm_after(ms(1)).unwrap();
    let mut fails = true;
    let fail_once = move |(): (), heartbeat: &mut Heartbeat, seen: &mut Seen| {
        if std::mem::take(&mut fails) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        read((), heartbeat, seen)
    };
    event_loop.handle().insert_source(source, fail_once).unwrap();
    assert!(event_loop.dispatch(None, &mut (0, 0)).is_err());
    assert_eq!(next(&mut event_loop), (1, 1), "nothing is lost");
}
