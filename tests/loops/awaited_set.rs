//! A `TimerSet` in a loop that can await its entries, tokio or async-io.

use crate::awaited::Awaited;
use crate::sources::{AsyncIo, Loop, Tokio};
use crate::support::*;
use futures_lite::Stream;
use portable_timerfd::loops::async_io::AsyncIoSource;
use portable_timerfd::loops::tokio::TokioSource;
use portable_timerfd::timer_set::{Expired, Key};
use portable_timerfd::{Backend, Clock, ClockTime, Pollable, Timer, TimerFd, TimerSet, TimerSpec};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A loop in which the entries of a set are awaited.
pub trait SetLoop: Loop {
    fn next_expired<M: Timer>(
        source: &mut Self::Source<TimerSet<u32, M>>,
    ) -> impl Future<Output = io::Result<Expired<u32>>>;
    fn stream<M: Timer>(
        source: &mut Self::Source<TimerSet<u32, M>>,
    ) -> impl Stream<Item = io::Result<Expired<u32>>> + Unpin;
}

macro_rules! loops {
    ($($name:ident: $source:ident);* $(;)?) => { $(
        impl SetLoop for $name {
            fn next_expired<M: Timer>(
                source: &mut $source<TimerSet<u32, M>>,
            ) -> impl Future<Output = io::Result<Expired<u32>>> {
                source.next_expired()
            }

            fn stream<M: Timer>(
                source: &mut $source<TimerSet<u32, M>>,
            ) -> impl Stream<Item = io::Result<Expired<u32>>> + Unpin {
                source
            }
        }
    )* };
}

loops! {
    AsyncIo: AsyncIoSource;
    Tokio: TokioSource;
}

/// A set in a loop.
pub struct AwaitedSet<L: SetLoop, M: Timer = TimerFd>(L::Source<TimerSet<u32, M>>);

impl<L: SetLoop, M: Timer> AwaitedSet<L, M> {
    pub fn new(timer: M) -> AwaitedSet<L, M> {
        AwaitedSet::from(TimerSet::with_timer(timer).unwrap())
    }

    pub fn from(set: TimerSet<u32, M>) -> AwaitedSet<L, M> {
        AwaitedSet(L::new(set).unwrap())
    }

    pub fn set(&mut self) -> &mut TimerSet<u32, M> {
        L::get_mut(&mut self.0)
    }

    pub fn into_set(self) -> TimerSet<u32, M> {
        L::into_inner(self.0)
    }

    pub fn stream(&mut self) -> impl Stream<Item = io::Result<Expired<u32>>> + Unpin + '_ {
        L::stream(&mut self.0)
    }

    pub async fn next(&mut self) -> io::Result<Expired<u32>> {
        L::next_expired(&mut self.0).await
    }

    /// Returns the value of the next entry, which is not periodic.
    pub async fn value(&mut self) -> u32 {
        self.next().await.unwrap().value.unwrap()
    }

    pub async fn within(&mut self, limit: Duration) -> Option<Expired<u32>> {
        L::Timer::within(limit, self.next()).await.map(Result::unwrap)
    }

    /// Asserts that no entry is returned, and no error.
    pub async fn assert_silent(&mut self) {
        let reported = self.within(ms(3)).await;
        assert!(reported.is_none(), "{reported:?}");
    }

    /// Inserts an entry that is due soon.
    pub fn insert_soon(&mut self, value: u32) -> ClockTime {
        let goal = self.set().now(Clock::Monotonic).unwrap() + ms(1);
        self.set().insert_at(goal, value).unwrap();
        goal
    }

    /// Waits for the next entry, and asserts that it is this one and not early.
    pub async fn expect(&mut self, value: u32, goal: ClockTime) {
        let expired = self.next().await.unwrap();
        assert_eq!((expired.value, expired.count, expired.deadline), (Some(value), 1, goal));
        assert!(self.set().now(Clock::Monotonic).unwrap() >= goal);
    }

    /// Inserts entries that are due now, in this order, and waits until the set is readable.
    pub fn insert_due(&mut self, values: impl IntoIterator<Item = u32>) -> Vec<Key> {
        let now = self.set().now(Clock::Monotonic).unwrap();
        let keys = values.into_iter().map(|value| self.set().insert_at(now, value).unwrap()).collect();
        until_readable(self.set());
        keys
    }
}

/// A timer whose handle is a socket. Its peer learns when the last duplicate of the handle is
/// closed.
#[derive(Debug)]
pub struct Lined(UnixStream, TimerFd);

impl Lined {
    /// Returns a set above such a timer, and the peer.
    pub fn set(backend: Backend) -> (TimerSet<u32, Lined>, UnixStream) {
        let (line, peer) = UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        let mut set = TimerSet::with_timer(Lined(line, open(backend))).unwrap();
        set.insert_after(HOUR, 0).unwrap();
        (set, peer)
    }
}

impl Pollable for Lined {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Timer for Lined {
    fn clock(&self) -> Clock {
        self.1.clock()
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.1.now(clock)
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.1.replace(new)
    }

    fn get(&self) -> io::Result<TimerSpec> {
        self.1.get()
    }

    fn read(&self) -> io::Result<u64> {
        self.1.read()
    }
}
