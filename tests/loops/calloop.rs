//! calloop: an event source.

use crate::support::*;
use ::calloop::generic::{Generic, NoIoDrop};
use ::calloop::{EventLoop, Interest, Mode, PostAction};
use portable_timerfd::loops::calloop_0_14::{CalloopTimer, TimerInLoop};
use portable_timerfd::{is_clock_change, Backend, Clock, CreateFlags, SimulatedClock, Timer, TimerFd, TimerSpec};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    a_timer_and_a_socket_share_a_loop,
    any_kind_of_timer_is_a_source,
    a_timer_dropped_while_registered_leaves_the_loop_working,
    a_callback_can_set_its_timer_and_remove_it,
    a_loop_that_is_dropped_drops_its_timers,
    a_disabled_source_is_silent_and_loses_nothing,
    a_blocking_timer_does_not_block_the_loop,
    a_source_gives_its_timer_back,
    an_error_of_the_callback_is_one_of_the_dispatch,
    a_clock_step_is_an_event_and_not_an_error_of_the_loop,
];

fn source(backend: Backend) -> CalloopTimer<TimerFd> {
    CalloopTimer::new(open(backend)).unwrap()
}

fn new_loop<D>() -> EventLoop<'static, D> {
    EventLoop::try_new().unwrap()
}

fn a_timer_and_a_socket_share_a_loop(backend: Backend) {
    let mut event_loop = new_loop::<(u64, usize)>();
    let (mut client, server) = UnixStream::pair().unwrap();
    let socket = Generic::new(server, Interest::READ, Mode::Level);
    let echo = |_, socket: &mut ::calloop::generic::NoIoDrop<UnixStream>, seen: &mut (u64, usize)| {
        let mut bytes = [0; 64];
        seen.1 += (&**socket).read(&mut bytes)? / 4;
        Ok(PostAction::Continue)
    };
    event_loop.handle().insert_source(socket, echo).unwrap();
    let source = source(backend);
    source.get_ref().arm_every(ms(2)).unwrap();
    let tick = move |count: io::Result<u64>, _: &mut _, seen: &mut (u64, usize)| {
        seen.0 += count?;
        client.write_all(b"tick")?;
        Ok(PostAction::Continue)
    };
    event_loop.handle().insert_source(source, tick).unwrap();
    let mut seen = (0, 0);
    while seen.0 < 5 || seen.1 < 5 {
        event_loop.dispatch(None, &mut seen).unwrap();
    }
}

/// Dispatches until the loop has reported an expiration.
fn next(event_loop: &mut EventLoop<'_, Vec<u64>>) -> u64 {
    let mut counts = Vec::new();
    while counts.is_empty() {
        event_loop.dispatch(None, &mut counts).unwrap();
    }
    assert_eq!(counts.len(), 1);
    counts[0]
}

fn push<T>(count: io::Result<u64>, _: &mut T, counts: &mut Vec<u64>) -> io::Result<PostAction> {
    counts.push(count?);
    Ok(PostAction::Continue)
}

fn any_kind_of_timer_is_a_source(backend: Backend) {
    let mut event_loop = new_loop();
    let boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
    boxed.arm_after(ms(1)).unwrap();
    event_loop.handle().insert_source(CalloopTimer::new(boxed).unwrap(), push).unwrap();
    assert_eq!(next(&mut event_loop), 1);
    let shared = Arc::new(open(backend));
    let any: Arc<dyn Timer> = shared.clone();
    event_loop.handle().insert_source(CalloopTimer::new(any).unwrap(), push).unwrap();
    shared.arm_after(ms(1)).unwrap();
    assert_eq!(next(&mut event_loop), 1);
}

fn a_timer_dropped_while_registered_leaves_the_loop_working(backend: Backend) {
    let mut event_loop = new_loop();
    let mut numbers = Vec::new();
    for _ in 0..50 {
        let source = source(backend);
        numbers.push(source.get_ref().as_raw_fd());
        source.get_ref().arm_every(Duration::from_micros(100)).unwrap();
        let token = event_loop.handle().insert_source(source, push).unwrap();
        next(&mut event_loop);
        event_loop.handle().remove(token);
    }
    assert!(numbers.windows(2).any(|pair| pair[0] == pair[1]), "a number comes again: {numbers:?}");
    let mut counts = Vec::new();
    event_loop.dispatch(Some(ms(2)), &mut counts).unwrap();
    assert!(counts.is_empty());
}

fn a_callback_can_set_its_timer_and_remove_it(backend: Backend) {
    let mut event_loop = new_loop();
    let timer = Arc::new(open(backend));
    let source = CalloopTimer::new(Arc::clone(&timer)).unwrap();
    timer.arm_after(ms(1)).unwrap();
    let twice = |count: io::Result<u64>, timer: &mut NoIoDrop<TimerInLoop<Arc<TimerFd>>>, counts: &mut Vec<u64>| {
        counts.push(count?);
        timer.arm_after(ms(1))?;
        Ok(if counts.len() == 2 { PostAction::Remove } else { PostAction::Continue })
    };
    event_loop.handle().insert_source(source, twice).unwrap();
    let mut counts = Vec::new();
    while counts.len() < 2 {
        event_loop.dispatch(None, &mut counts).unwrap();
    }
    assert_eq!(Arc::strong_count(&timer), 1, "it is removed, and dropped");
    until_readable(&*timer);
    event_loop.dispatch(Some(Duration::ZERO), &mut counts).unwrap();
    assert_eq!(counts, [1, 1]);
}

fn a_loop_that_is_dropped_drops_its_timers(backend: Backend) {
    let event_loop = new_loop();
    let timer = Arc::new(open(backend));
    event_loop.handle().insert_source(CalloopTimer::new(Arc::clone(&timer)).unwrap(), push).unwrap();
    timer.arm_every(Duration::from_micros(100)).unwrap();
    drop(event_loop);
    assert_eq!(Arc::strong_count(&timer), 1);
    assert!(timer.wait(None).unwrap() >= 1);
}

fn a_disabled_source_is_silent_and_loses_nothing(backend: Backend) {
    let mut event_loop = new_loop();
    let timer = Arc::new(open(backend));
    let token = event_loop.handle().insert_source(CalloopTimer::new(Arc::clone(&timer)).unwrap(), push).unwrap();
    event_loop.handle().disable(&token).unwrap();
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&*timer);
    let mut counts = Vec::new();
    event_loop.dispatch(Some(Duration::ZERO), &mut counts).unwrap();
    assert!(counts.is_empty());
    event_loop.handle().enable(&token).unwrap();
    assert_eq!(next(&mut event_loop), 1);
}

fn a_blocking_timer_does_not_block_the_loop(backend: Backend) {
    let source = CalloopTimer::new(open_blocking(backend)).unwrap();
    assert_eq!(source.get_ref().read().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn an_error_of_the_callback_is_one_of_the_dispatch(backend: Backend) {
    let mut event_loop = new_loop();
    let source = source(backend);
    source.get_ref().arm_after(ms(1)).unwrap();
    let fail = |_: io::Result<u64>, _: &mut _, (): &mut ()| Err(ErrorKind::OutOfMemory.into());
    event_loop.handle().insert_source(source, fail).unwrap();
    assert!(event_loop.dispatch(None, &mut ()).is_err());
}

fn a_source_gives_its_timer_back(backend: Backend) {
    let mut event_loop = new_loop();
    let dispatcher = ::calloop::Dispatcher::new(source(backend), push);
    let token = event_loop.handle().register_dispatcher(dispatcher.clone()).unwrap();
    dispatcher.as_source_ref().get_ref().arm_after(ms(1)).unwrap();
    assert_eq!(next(&mut event_loop), 1);
    event_loop.handle().remove(token);
    let timer = ::calloop::Dispatcher::into_source_inner(dispatcher).into_inner();
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    event_loop.dispatch(Some(Duration::ZERO), &mut Vec::new()).unwrap();
}

/// Runs in simulated time, for every backend.
fn a_clock_step_is_an_event_and_not_an_error_of_the_loop(_: Backend) {
    let clock = SimulatedClock::new();
    let timer = Arc::new(clock.timer(Clock::Realtime).unwrap());
    let mut event_loop: EventLoop<'_, Vec<Result<u64, bool>>> = EventLoop::try_new().unwrap();
    let source = CalloopTimer::new(timer.clone()).unwrap();
    let push = |count: io::Result<u64>, _: &mut _, counts: &mut Vec<_>| {
        counts.push(count.map_err(|e| is_clock_change(&e)));
        Ok(PostAction::Continue)
    };
    event_loop.handle().insert_source(source, push).unwrap();
    let soon = clock.now(Clock::Realtime) + 2 * SECOND;
    timer.set(&TimerSpec::at(soon).cancel_on_set()).unwrap();
    let mut counts = Vec::new();
    clock.set_realtime(soon - SECOND).unwrap();
    event_loop.dispatch(None, &mut counts).unwrap();
    event_loop.dispatch(Some(Duration::ZERO), &mut counts).unwrap();
    clock.advance(SECOND);
    event_loop.dispatch(None, &mut counts).unwrap();
    assert_eq!(counts, [Err(true), Ok(1)]);
}
