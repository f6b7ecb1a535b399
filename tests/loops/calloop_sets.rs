//! calloop: a `TimerSet` as an event source.

use crate::awaited_set::Lined;
use crate::probe::Probe;
use crate::sources::assert_closed;
use crate::support::*;
use ::calloop::generic::Generic;
use ::calloop::{Dispatcher, EventLoop, Interest, Mode, PostAction};
use portable_timerfd::loops::calloop_0_14::CalloopSource;
use portable_timerfd::{Backend, Clock, SimulatedClock, Timer, TimerFd, TimerSet};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    a_callback_drains_the_set_at_each_deadline,
    a_callback_that_takes_one_entry_is_called_again,
    a_callback_can_insert_entries,
    an_earlier_entry_between_two_dispatches_is_reported_first,
    a_postponed_entry_is_reported_at_the_later_time_only,
    an_error_of_the_timer_is_one_of_the_dispatch,
    a_disabled_set_is_silent_and_loses_nothing,
    a_set_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved,
    the_timer_of_a_set_can_be_registered_as_well,
    a_set_leaves_no_descriptor,
];

/// What a callback has done: the number of its calls, and the values that it has taken.
type Seen = (u32, Vec<u32>);

type Loop = EventLoop<'static, Seen>;

fn new_loop() -> Loop {
    EventLoop::try_new().unwrap()
}

fn open_set(backend: Backend) -> TimerSet<u32> {
    TimerSet::with_timer(open(backend)).unwrap()
}

fn take<M: Timer>((): (), set: &mut TimerSet<u32, M>, seen: &mut Seen) -> io::Result<PostAction> {
    seen.0 += 1;
    seen.1.extend(set.next_expired()?.and_then(|expired| expired.value));
    Ok(PostAction::Continue)
}

fn drain<M: Timer>((): (), set: &mut TimerSet<u32, M>, seen: &mut Seen) -> io::Result<PostAction> {
    seen.0 += 1;
    while let Some(expired) = set.next_expired()? {
        seen.1.extend(expired.value);
    }
    Ok(PostAction::Continue)
}

/// Dispatches until a callback has taken an entry, and returns the values of that dispatch.
fn next(event_loop: &mut Loop) -> Vec<u32> {
    let mut seen = Seen::default();
    while seen.1.is_empty() {
        event_loop.dispatch(None, &mut seen).unwrap();
    }
    seen.1
}

/// Asserts that the set comes to rest without an entry: at most one call finds that nothing is due.
#[track_caller]
fn assert_silent(event_loop: &mut Loop) {
    let mut seen = Seen::default();
    for limit in [Duration::ZERO, ms(1), ms(1), ms(1)] {
        event_loop.dispatch(Some(limit), &mut seen).unwrap();
    }
    assert!(seen.0 <= 1 && seen.1.is_empty(), "{seen:?}");
}

fn a_callback_drains_the_set_at_each_deadline(backend: Backend) {
    let mut event_loop = new_loop();
    let mut set = open_set(backend);
    let first = set.now(Clock::Monotonic).unwrap() + ms(1);
    for n in (0..20).map(|n| n * 7 % 20) {
        set.insert_at(first + ms(1) / 4 * n, n).unwrap();
    }
    event_loop.handle().insert_source(CalloopSource::new(set).unwrap(), drain).unwrap();
    let mut values = Vec::new();
    while values.len() < 20 {
        values.extend(next(&mut event_loop));
        let last = u32::try_from(values.len()).unwrap() - 1;
        assert!(Clock::Monotonic.now().unwrap() >= first + ms(1) / 4 * last);
    }
    assert!(values.into_iter().eq(0..20));
    assert_silent(&mut event_loop);
}

fn a_callback_that_takes_one_entry_is_called_again(backend: Backend) {
    let mut event_loop = new_loop();
    let mut set = open_set(backend);
    for value in 0..5 {
        set.insert_after(Duration::ZERO, value).unwrap();
    }
    set.insert_after(HOUR, 5).unwrap();
    until_readable(&set);
    event_loop.handle().insert_source(CalloopSource::new(set).unwrap(), take).unwrap();
    for value in 0..5 {
        let mut seen = Seen::default();
        event_loop.dispatch(Some(Duration::ZERO), &mut seen).unwrap();
        assert_eq!(seen, (1, vec![value]));
    }
    assert_silent(&mut event_loop);
}

fn a_callback_can_insert_entries(backend: Backend) {
    let mut event_loop = new_loop();
    let mut set = open_set(backend);
    set.insert_after(ms(1), 0).unwrap();
    // Each entry inserts the next one, which is due at once and belongs to the next drain.
    let chain = |(), set: &mut TimerSet<u32>, seen: &mut Seen| {
        while let Some(expired) = set.next_expired()? {
            let value = expired.value.unwrap();
            seen.1.push(value);
            if value % 10 != 9 {
                set.insert_at(expired.deadline, value + 1)?;
            }
        }
        Ok(PostAction::Continue)
    };
    let dispatcher = Dispatcher::new(CalloopSource::new(set).unwrap(), chain);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    for value in 0..10 {
        assert_eq!(next(&mut event_loop), [value]);
    }
    assert_silent(&mut event_loop);
    dispatcher.as_source_mut().get_mut().insert_after(ms(1), 10).unwrap();
    assert_eq!(next(&mut event_loop), [10]);
}

fn an_earlier_entry_between_two_dispatches_is_reported_first(backend: Backend) {
    let mut event_loop = new_loop();
    let dispatcher = Dispatcher::new(CalloopSource::new(open_set(backend)).unwrap(), drain::<TimerFd>);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    for round in 1..=5 {
        dispatcher.as_source_mut().get_mut().insert_after(HOUR / round, 0).unwrap();
        assert_silent(&mut event_loop);
        let goal = Clock::Monotonic.now().unwrap() + ms(1);
        dispatcher.as_source_mut().get_mut().insert_at(goal, round).unwrap();
        assert_eq!(next(&mut event_loop), [round]);
        assert!(Clock::Monotonic.now().unwrap() >= goal);
    }
    assert_eq!(dispatcher.as_source_ref().get_ref().len(), 5);
}

fn a_postponed_entry_is_reported_at_the_later_time_only(backend: Backend) {
    let mut event_loop = new_loop();
    let dispatcher = Dispatcher::new(CalloopSource::new(open_set(backend)).unwrap(), drain::<TimerFd>);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    for round in 0..3 {
        let key = dispatcher.as_source_mut().get_mut().insert_after(ms(1), round).unwrap();
        assert!(dispatcher.as_source_mut().get_mut().rearm_after(key, HOUR).unwrap());
        until_readable(dispatcher.as_source_ref().get_ref());
        assert_silent(&mut event_loop);
        let goal = Clock::Monotonic.now().unwrap() + ms(1);
        assert!(dispatcher.as_source_mut().get_mut().rearm_at(key, goal).unwrap());
        assert_eq!(next(&mut event_loop), [round]);
        assert!(Clock::Monotonic.now().unwrap() >= goal);
    }
}

fn an_error_of_the_timer_is_one_of_the_dispatch(backend: Backend) {
    let mut event_loop = new_loop();
    let mut set = TimerSet::with_timer(Probe::new(open(backend))).unwrap();
    for value in 0..2 {
        set.insert_after(Duration::ZERO, value).unwrap();
    }
    until_readable(&set);
    assert_eq!(set.next_expired().unwrap().unwrap().value, Some(0));
    let dispatcher = Dispatcher::new(CalloopSource::new(set).unwrap(), drain::<Probe>);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    dispatcher.as_source_ref().get_ref().timer().failing.store(1, Relaxed);
    let mut seen = Seen::default();
    assert!(event_loop.dispatch(None, &mut seen).is_err(), "the setting that ends the drain");
    assert_eq!(seen, (1, vec![1]));
    assert_silent(&mut event_loop);
    dispatcher.as_source_mut().get_mut().insert_after(ms(1), 2).unwrap();
    assert_eq!(next(&mut event_loop), [2]);
}

fn a_disabled_set_is_silent_and_loses_nothing(backend: Backend) {
    let mut event_loop = new_loop();
    let mut set = open_set(backend);
    set.insert_after(Duration::ZERO, 1).unwrap();
    until_readable(&set);
    let token = event_loop.handle().insert_source(CalloopSource::new(set).unwrap(), drain).unwrap();
    event_loop.handle().disable(&token).unwrap();
    let mut seen = Seen::default();
    event_loop.dispatch(Some(Duration::ZERO), &mut seen).unwrap();
    assert_eq!(seen, Seen::default());
    event_loop.handle().enable(&token).unwrap();
    assert_eq!(next(&mut event_loop), [1]);
}

/// Runs in simulated time, for every backend.
fn a_set_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved(_: Backend) {
    let mut event_loop = new_loop();
    let clock = SimulatedClock::new();
    let mut set = TimerSet::with_timer(clock.timer(Clock::Monotonic).unwrap()).unwrap();
    for value in 1..=3 {
        set.insert_after(HOUR * value, value).unwrap();
    }
    event_loop.handle().insert_source(CalloopSource::new(set).unwrap(), drain).unwrap();
    for value in 1..=3 {
        let mut seen = Seen::default();
        clock.advance(HOUR - SECOND);
        event_loop.dispatch(Some(Duration::ZERO), &mut seen).unwrap();
        assert_eq!(seen, Seen::default());
        clock.advance(SECOND);
        event_loop.dispatch(Some(Duration::ZERO), &mut seen).unwrap();
        assert_eq!(seen, (1, vec![value]));
    }
}

/// A set registers a duplicate of its descriptor.
fn the_timer_of_a_set_can_be_registered_as_well(backend: Backend) {
    let mut event_loop = new_loop();
    let timer = Arc::new(open(backend));
    let set = TimerSet::with_timer(Arc::clone(&timer)).unwrap();
    let dispatcher = Dispatcher::new(CalloopSource::new(set).unwrap(), drain::<Arc<TimerFd>>);
    event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    let other = Generic::new(timer, Interest::READ, Mode::Level);
    let token = event_loop.handle().insert_source(other, |_, _, _| Ok(PostAction::Continue)).unwrap();
    for value in 0..2 {
        dispatcher.as_source_mut().get_mut().insert_after(ms(1), value).unwrap();
        assert_eq!(next(&mut event_loop), [value]);
    }
    event_loop.handle().remove(token);
    dispatcher.as_source_mut().get_mut().insert_after(ms(1), 2).unwrap();
    assert_eq!(next(&mut event_loop), [2]);
}

fn a_set_leaves_no_descriptor(backend: Backend) {
    let event_loop = new_loop();
    let [(removed, removed_peer), (left, left_peer), (taken, taken_peer)] = [(); 3].map(|()| Lined::set(backend));
    let insert = |set| event_loop.handle().insert_source(CalloopSource::new(set).unwrap(), drain).unwrap();
    let token = insert(removed);
    insert(left);
    event_loop.handle().remove(token);
    assert_closed(&removed_peer, true);
    assert_closed(&left_peer, false);
    drop(event_loop);
    assert_closed(&left_peer, true);
    let taken = CalloopSource::new(taken).unwrap().into_inner();
    assert_closed(&taken_peer, false);
    drop(taken);
    assert_closed(&taken_peer, true);
}
