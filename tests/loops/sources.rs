//! A user's own type in the loops that can await its readiness: tokio and async-io.

use crate::awaited::Awaited;
use crate::support::*;
use crate::Case;
use futures_lite::future;
use portable_timerfd::loops::async_io::{AsyncIoSource, AsyncIoTimer};
use portable_timerfd::loops::tokio::{TokioSource, TokioTimer};
use portable_timerfd::{Backend, Clock, Pollable, SimulatedClock, TimerFd};
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// A user's type that contains a timer and does not implement `Timer`.
#[derive(Debug)]
pub struct Heartbeat {
    pub timer: TimerFd,
    pub sent: u64,
}

impl Heartbeat {
    pub fn new(timer: TimerFd) -> Heartbeat {
        Heartbeat { timer, sent: 0 }
    }

    pub fn on_readable(&mut self) -> io::Result<()> {
        self.sent += self.timer.read()?;
        Ok(())
    }
}

impl Pollable for Heartbeat {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

/// A user's type without a timer. Its peer learns when the last duplicate of its descriptor is
/// closed.
#[derive(Debug)]
pub struct Line(UnixStream);

impl Line {
    /// Returns the type, and its peer.
    pub fn new() -> (Line, UnixStream) {
        let (line, peer) = UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        (Line(line), peer)
    }

    /// Reads one byte.
    pub fn next(&mut self) -> u8 {
        let mut byte = [0];
        self.0.read_exact(&mut byte).unwrap();
        byte[0]
    }
}

impl Pollable for Line {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Asserts that all descriptors of the line are closed, or that one is open.
#[track_caller]
pub fn assert_closed(mut peer: &UnixStream, closed: bool) {
    match peer.read(&mut [0]) {
        Ok(0) => assert!(closed, "it is closed"),
        Err(e) if e.kind() == ErrorKind::WouldBlock => assert!(!closed, "a descriptor is open"),
        other => panic!("{other:?}"),
    }
}

/// A loop in which a source is awaited.
pub trait Loop {
    type Timer: Awaited;
    type Source<P: Pollable>;

    fn new<P: Pollable>(value: P) -> io::Result<Self::Source<P>>;
    fn readable<P: Pollable>(source: &Self::Source<P>) -> impl Future<Output = io::Result<()>>;
    fn get_ref<P: Pollable>(source: &Self::Source<P>) -> &P;
    fn get_mut<P: Pollable>(source: &mut Self::Source<P>) -> &mut P;
    fn into_inner<P: Pollable>(source: Self::Source<P>) -> P;

    fn run<R>(future: impl Future<Output = R>) -> R {
        Self::Timer::run(future)
    }

    /// Waits until the source is readable, and asserts that it is not early.
    fn report_at<P: Pollable>(source: &Self::Source<P>, goal: portable_timerfd::ClockTime) -> impl Future<Output = ()> {
        async move {
            Self::readable(source).await.unwrap();
            assert!(Clock::Monotonic.now().unwrap() >= goal);
        }
    }

    /// Asserts that the source is not reported.
    fn assert_silent<P: Pollable>(source: &Self::Source<P>) -> impl Future<Output = ()> {
        async move { assert!(Self::Timer::within(ms(3), Self::readable(source)).await.is_none()) }
    }
}

macro_rules! loops {
    ($($name:ident: $source:ident, $timer:ident);* $(;)?) => { $(
        pub struct $name;

        impl Loop for $name {
            type Timer = $timer<Arc<TimerFd>>;
            type Source<P: Pollable> = $source<P>;

            fn new<P: Pollable>(value: P) -> io::Result<$source<P>> {
                $source::new(value)
            }

            fn readable<P: Pollable>(source: &$source<P>) -> impl Future<Output = io::Result<()>> {
                source.readable()
            }

            fn get_ref<P: Pollable>(source: &$source<P>) -> &P {
                source.get_ref()
            }

            fn get_mut<P: Pollable>(source: &mut $source<P>) -> &mut P {
                source.get_mut()
            }

            fn into_inner<P: Pollable>(source: $source<P>) -> P {
                source.into_inner()
            }
        }
    )* };
}

loops! {
    AsyncIo: AsyncIoSource, AsyncIoTimer;
    Tokio: TokioSource, TokioTimer;
}

/// The cases, in one loop.
pub struct In<L>(L);

crate::cases_in_each![Loop:
    a_source_is_reported_again_until_it_is_read,
    a_rearmed_source_is_reported_again,
    a_source_that_is_no_longer_due_is_not_reported,
    a_source_without_a_timer_is_reported_until_all_is_read,
    a_source_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved,
    two_tasks_can_wait_for_a_source,
    a_source_that_one_task_has_read_is_not_reported_to_another,
    a_dropped_future_of_a_source_loses_nothing,
    a_source_that_was_taken_out_is_deregistered,
    a_source_leaves_no_descriptor,
    a_source_keeps_the_mode_of_its_descriptor,
    a_replaced_value_wakes_no_other_source,
];

/// Returns a source, without a setting.
fn heartbeat<L: Loop>(backend: Backend) -> L::Source<Heartbeat> {
    L::new(Heartbeat::new(open(backend))).unwrap()
}

fn arm<L: Loop>(source: &L::Source<Heartbeat>) -> portable_timerfd::ClockTime {
    let goal = Clock::Monotonic.now().unwrap() + ms(1);
    L::get_ref(source).timer.arm_at(goal).unwrap();
    goal
}

fn a_source_is_reported_again_until_it_is_read<L: Loop>(backend: Backend) {
    L::run(async {
        let mut source = heartbeat::<L>(backend);
        L::assert_silent(&source).await;
        let goal = arm::<L>(&source);
        for _ in 0..5 {
            L::report_at(&source, goal).await;
        }
        L::get_mut(&mut source).on_readable().unwrap();
        assert_eq!(L::get_ref(&source).sent, 1);
        L::assert_silent(&source).await;
    });
}

fn a_rearmed_source_is_reported_again<L: Loop>(backend: Backend) {
    L::run(async {
        let mut source = heartbeat::<L>(backend);
        for sent in 0..5 {
            let goal = arm::<L>(&source);
            L::report_at(&source, goal).await;
            // Armed again while it is unread.
            let goal = arm::<L>(&source);
            L::report_at(&source, goal).await;
            L::get_mut(&mut source).on_readable().unwrap();
            assert_eq!(L::get_ref(&source).sent, sent + 1);
        }
        L::assert_silent(&source).await;
    });
}

/// The loop has been notified, but another setting or another reader was faster.
fn a_source_that_is_no_longer_due_is_not_reported<L: Loop>(backend: Backend) {
    L::run(async {
        let source = heartbeat::<L>(backend);
        let timer = &L::get_ref(&source).timer;
        let read = |timer: &TimerFd| timer.read().map(drop);
        for undo in [TimerFd::disarm, |timer: &TimerFd| timer.arm_after(HOUR), read] {
            timer.arm_after(Duration::ZERO).unwrap();
            until_readable(timer);
            undo(timer).unwrap();
            L::assert_silent(&source).await;
            let goal = arm::<L>(&source);
            L::report_at(&source, goal).await;
            undo(timer).unwrap();
            L::assert_silent(&source).await;
        }
    });
}

fn a_source_without_a_timer_is_reported_until_all_is_read<L: Loop>(_: Backend) {
    L::run(async {
        let (line, mut peer) = Line::new();
        let mut source = L::new(line).unwrap();
        for _ in 0..3 {
            L::assert_silent(&source).await;
            peer.write_all(b"abc").unwrap();
            for byte in *b"abc" {
                L::readable(&source).await.unwrap();
                assert_eq!(L::get_mut(&mut source).next(), byte);
            }
        }
        L::assert_silent(&source).await;
    });
}

/// Runs in simulated time, for every backend.
fn a_source_in_simulated_time_is_reported_as_soon_as_the_clock_has_moved<L: Loop>(_: Backend) {
    L::run(async {
        let simulated = SimulatedClock::new();
        let timer = simulated.timer(Clock::Monotonic).unwrap();
        let mut source = L::new(Heartbeat::new(timer.into())).unwrap();
        L::get_ref(&source).timer.arm_every(HOUR).unwrap();
        for hours in [1, 1, 3] {
            simulated.advance(HOUR * hours - SECOND);
            if hours == 1 {
                L::assert_silent(&source).await;
            }
            simulated.advance(SECOND);
            L::readable(&source).await.unwrap();
            L::get_mut(&mut source).on_readable().unwrap();
        }
        assert_eq!(L::get_ref(&source).sent, 5);
        L::assert_silent(&source).await;
    });
}

fn two_tasks_can_wait_for_a_source<L: Loop>(backend: Backend) {
    L::run(async {
        let source = heartbeat::<L>(backend);
        for _ in 0..10 {
            let mut waits = [(); 2].map(|()| Box::pin(L::readable(&source)));
            for wait in &mut waits {
                assert!(future::poll_once(wait).await.is_none());
            }
            let goal = arm::<L>(&source);
            let [first, second] = waits;
            let (first, second) = future::zip(first, second).await;
            assert!(first.is_ok() && second.is_ok());
            assert!(Clock::Monotonic.now().unwrap() >= goal);
            L::get_ref(&source).timer.read().unwrap();
        }
    });
}

fn a_source_that_one_task_has_read_is_not_reported_to_another<L: Loop>(backend: Backend) {
    L::run(async {
        let source = heartbeat::<L>(backend);
        for _ in 0..5 {
            let [mut first, mut second] = [(); 2].map(|()| Box::pin(L::readable(&source)));
            assert!(future::poll_once(&mut first).await.is_none());
            assert!(future::poll_once(&mut second).await.is_none());
            arm::<L>(&source);
            first.await.unwrap();
            assert_eq!(L::get_ref(&source).timer.read().unwrap(), 1);
            assert!(L::Timer::within(ms(3), &mut second).await.is_none());
            let goal = arm::<L>(&source);
            second.await.unwrap();
            assert!(Clock::Monotonic.now().unwrap() >= goal);
            assert_eq!(L::get_ref(&source).timer.read().unwrap(), 1);
        }
    });
}

fn a_dropped_future_of_a_source_loses_nothing<L: Loop>(backend: Backend) {
    L::run(async {
        let source = heartbeat::<L>(backend);
        let timer = &L::get_ref(&source).timer;
        for round in 0..100 {
            // Dropped before, during and after the expiration.
            timer.arm_after(Duration::from_micros(300)).unwrap();
            let limit = Duration::from_micros(round * 7);
            let waited = L::Timer::within(limit, L::readable(&source)).await;
            assert!(waited.map_or(true, |waited| waited.is_ok()));
            L::readable(&source).await.unwrap();
            assert_eq!(timer.read().unwrap(), 1);
        }
        // Dropped after the expiration, without having been polled again.
        for _ in 0..10 {
            {
                let mut wait = pin!(L::readable(&source));
                assert!(future::poll_once(&mut wait).await.is_none());
                timer.arm_after(Duration::ZERO).unwrap();
                until_readable(timer);
            }
            L::readable(&source).await.unwrap();
            assert_eq!(timer.read().unwrap(), 1);
        }
        L::assert_silent(&source).await;
    });
}

/// If the registration remained, the next one, with the same descriptor number, would fail.
fn a_source_that_was_taken_out_is_deregistered<L: Loop>(backend: Backend) {
    L::run(async {
        let mut value = Heartbeat::new(open(backend));
        let number = value.timer.as_raw_fd();
        for round in 0..50 {
            let source = L::new(value).unwrap();
            let goal = arm::<L>(&source);
            L::report_at(&source, goal).await;
            value = L::into_inner(source);
            assert_eq!(value.timer.as_raw_fd(), number);
            value.on_readable().unwrap();
            assert_eq!(value.sent, round + 1);
        }
        value.timer.arm_after(ms(1)).unwrap();
        assert_eq!(value.timer.wait(None).unwrap(), 1);
    });
}

fn a_source_leaves_no_descriptor<L: Loop>(_: Backend) {
    L::run(async {
        for was_waiting in [false, true] {
            for taken in [false, true] {
                let (line, peer) = Line::new();
                let source = L::new(line).unwrap();
                if was_waiting {
                    L::assert_silent(&source).await;
                }
                assert_closed(&peer, false);
                if taken {
                    let line = L::into_inner(source);
                    assert_closed(&peer, false);
                    drop(line);
                } else {
                    drop(source);
                }
                assert_closed(&peer, true);
            }
        }
    });
}

fn a_source_keeps_the_mode_of_its_descriptor<L: Loop>(backend: Backend) {
    L::run(async {
        for (timer, nonblocking) in [(open(backend), true), (open_blocking(backend), false)] {
            let source = L::new(Heartbeat::new(timer)).unwrap();
            let timer = &L::get_ref(&source).timer;
            assert_eq!(is_nonblocking_and_closed_on_exec(timer), (nonblocking, true));
            let goal = arm::<L>(&source);
            L::report_at(&source, goal).await;
            assert_eq!(is_nonblocking_and_closed_on_exec(timer), (nonblocking, true));
            assert_eq!(L::into_inner(source).timer.read().unwrap(), 1);
        }
    });
}

/// Replacing the value does not end its registration. A later descriptor may reuse its number.
fn a_replaced_value_wakes_no_other_source<L: Loop>(backend: Backend) {
    L::run(async {
        let mut came_again = false;
        for _ in 0..20 {
            let mut source = heartbeat::<L>(backend);
            let number = L::get_ref(&source).timer.as_raw_fd();
            L::get_ref(&source).timer.arm_every(Duration::from_micros(100)).unwrap();
            L::readable(&source).await.unwrap();
            let other = open(backend);
            *L::get_mut(&mut source) = Heartbeat::new(other);
            // Each new descriptor takes the lowest number.
            let values = [(); 3].map(|()| Heartbeat::new(open(backend)));
            came_again |= values.iter().any(|value| value.timer.as_raw_fd() == number);
            let others = values.map(|value| L::new(value).unwrap());
            for (n, other) in others.iter().enumerate() {
                L::assert_silent(other).await;
                let goal = arm::<L>(other);
                L::report_at(other, goal).await;
                assert_eq!(L::get_ref(other).timer.read().unwrap(), 1);
                assert!(others[n..].iter().all(|other| !is_readable(&L::get_ref(other).timer)));
                L::assert_silent(other).await;
            }
            let value = L::into_inner(source);
            value.timer.arm_after(ms(1)).unwrap();
            assert_eq!(value.timer.wait(None).unwrap(), 1);
            // The end of the former registration does not end those of the others.
            for other in &others {
                L::assert_silent(other).await;
                let goal = arm::<L>(other);
                L::report_at(other, goal).await;
            }
        }
        // Other tests may have taken the number in between, but not each time.
        assert!(came_again, "a number comes again");
    });
}
