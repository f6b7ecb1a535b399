//! Cases for every loop in which expirations are awaited.

use crate::support::*;
use crate::Case;
use futures_lite::{Stream, StreamExt};
use portable_timerfd::{Backend, Clock, TimerFd, TimerSpec};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

/// The expirations of a timer in a loop.
pub trait Awaited: Stream<Item = io::Result<u64>> + Unpin + Sized {
    const REFUSES_A_SECOND_REGISTRATION: bool;

    fn new(timer: Arc<TimerFd>) -> io::Result<Self>;
    fn wait(&self) -> impl Future<Output = io::Result<u64>>;
    /// Runs a future to its end.
    fn run<R>(future: impl Future<Output = R>) -> R;
    /// Returns the output of a future if it completes within this time.
    fn within<R>(limit: Duration, future: impl Future<Output = R>) -> impl Future<Output = Option<R>>;

    /// Returns the expirations in a loop, and the timer itself.
    fn open(backend: Backend) -> (Self, Arc<TimerFd>) {
        let timer = Arc::new(open(backend));
        (Self::new(Arc::clone(&timer)).unwrap(), timer)
    }
}

/// The cases, in one loop.
pub struct In<L>(L);

crate::cases_in_each![Awaited:
    a_timer_dropped_while_registered_leaves_the_loop_working,
    dropped_futures_lose_no_expiration,
    a_stream_gives_the_counts,
    a_blocking_timer_does_not_block_the_loop,
    a_second_registration_is_refused_or_replaces_the_first,
];

fn a_timer_dropped_while_registered_leaves_the_loop_working<L: Awaited>(backend: Backend) {
    L::run(async {
        let mut numbers = Vec::new();
        for _ in 0..50 {
            let (expirations, timer) = L::open(backend);
            numbers.push(timer.as_raw_fd());
            timer.arm_every(Duration::from_micros(100)).unwrap();
            expirations.wait().await.unwrap();
        }
        // Other tests may have taken the number in between, but not each time.
        assert!(numbers.windows(2).any(|pair| pair[0] == pair[1]), "a number comes again: {numbers:?}");
    });
}

fn dropped_futures_lose_no_expiration<L: Awaited>(backend: Backend) {
    const INTERVAL: Duration = Duration::from_micros(300);
    L::run(async {
        let (expirations, timer) = L::open(backend);
        let first = Clock::Monotonic.now().unwrap() + ms(1);
        timer.set(&TimerSpec::at(first).every(INTERVAL)).unwrap();
        let mut reported = 0;
        for round in 0..200 {
            let limit = Duration::from_micros(round * 10);
            reported += L::within(limit, expirations.wait()).await.map_or(0, |count| count.unwrap());
        }
        // The expirations that the stream has not reported are still there.
        assert_counts_by_the_clock(Clock::Monotonic, first, INTERVAL, || reported + timer.wait(None).unwrap());
    });
}

fn a_stream_gives_the_counts<L: Awaited>(backend: Backend) {
    L::run(async {
        let (mut expirations, timer) = L::open(backend);
        let first = Clock::Monotonic.now().unwrap() + ms(1);
        timer.set(&TimerSpec::at(first).every(ms(1))).unwrap();
        let mut reported = 0;
        for _ in 0..5 {
            reported += expirations.next().await.unwrap().unwrap();
        }
        assert_counts_by_the_clock(Clock::Monotonic, first, ms(1), || reported + timer.wait(None).unwrap());
    });
}

fn a_blocking_timer_does_not_block_the_loop<L: Awaited>(backend: Backend) {
    L::run(async {
        let timer = Arc::new(open_blocking(backend));
        let expirations = L::new(Arc::clone(&timer)).unwrap();
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(&*timer);
        // Another reader takes the expiration of which the loop is notified.
        assert_eq!(timer.read().unwrap(), 1);
        assert!(L::within(ms(5), expirations.wait()).await.is_none());
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn a_second_registration_is_refused_or_replaces_the_first<L: Awaited>(backend: Backend) {
    L::run(async {
        let (first, timer) = L::open(backend);
        let second = L::new(Arc::clone(&timer));
        timer.arm_after(ms(1)).unwrap();
        if L::REFUSES_A_SECOND_REGISTRATION {
            assert!(second.is_err_and(|e| e.kind() == ErrorKind::AlreadyExists));
            assert_eq!(first.wait().await.unwrap(), 1, "the first is not disturbed");
        } else {
            assert_eq!(second.ok().unwrap().wait().await.unwrap(), 1);
        }
    });
}
