//! Simulated time: the policies for missed expirations, and errors.

use crate::support::{assert_canceled, ms};
use ::async_io::Timer as Limit;
use futures_lite::{future, stream, Stream, StreamExt};
use portable_timerfd::loops::{async_io, tokio, MissedTicks};
use portable_timerfd::{Clock, SimulatedClock, SimulatedTimer, TimerSpec};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub type Case = (&'static str, fn());

crate::cases![Case:
    every_count_is_reported_in_full_by_default,
    coalesced_expirations_are_reported_at_once_as_one,
    skipped_expirations_are_replaced_by_the_next_one,
    a_clock_step_is_passed_on_and_does_not_end_the_stream,
];

const SECOND: Duration = Duration::from_secs(1);

/// The awaited stream, its clock and its timer.
struct Awaited {
    counts: Pin<Box<dyn Stream<Item = io::Result<u64>>>>,
    clock: SimulatedClock,
    timer: Arc<SimulatedTimer>,
}

impl Awaited {
    async fn next(&mut self) -> io::Result<u64> {
        self.counts.next().await.expect("it never ends")
    }

    async fn assert_none(&mut self) {
        let limit = async {
            Limit::after(ms(5)).await;
        };
        let reported = async { panic!("unexpected: {:?}", self.next().await) };
        future::or(reported, limit).await;
    }
}

/// Plays the same in each loop in which expirations are awaited, with a stream and with single
/// waits.
fn on_each<F: Future<Output = ()>>(policy: Option<MissedTicks>, play: impl Fn(Awaited) -> F) {
    let clock = SimulatedClock::new();
    let timer = || Arc::new(clock.timer(Clock::Realtime).unwrap());
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    macro_rules! play_both_ways {
        ($new:expr) => {
            for by_wait in [false, true] {
                let timer = timer();
                let counts = $new(timer.clone()).unwrap();
                let counts = if let Some(policy) = policy { counts.missed_ticks(policy) } else { counts };
                let counts: Pin<Box<dyn Stream<Item = io::Result<u64>>>> = if by_wait {
                    Box::pin(stream::unfold(counts, |counts| async { Some((counts.wait().await, counts)) }))
                } else {
                    Box::pin(counts)
                };
                play(Awaited { counts, clock: clock.clone(), timer }).await;
            }
        };
    }
    runtime.block_on(async { play_both_ways!(tokio::TokioTimer::new) });
    ::async_io::block_on(async { play_both_ways!(async_io::AsyncIoTimer::new) });
}

fn every_count_is_reported_in_full_by_default() {
    for policy in [None, Some(MissedTicks::Count), Some(MissedTicks::default())] {
        on_each(policy, |mut awaited| async move {
            awaited.timer.arm_every(SECOND).unwrap();
            awaited.assert_none().await;
            for (passed, count) in [(1000, 1), (2500, 2), (500, 1), (7000, 7)] {
                awaited.clock.advance(ms(passed));
                assert_eq!(awaited.next().await.unwrap(), count);
                awaited.assert_none().await;
            }
        });
    }
}

fn coalesced_expirations_are_reported_at_once_as_one() {
    on_each(Some(MissedTicks::Coalesce), |mut awaited| async move {
        awaited.timer.arm_every(SECOND).unwrap();
        for passed in [1000, 2500, 500, 7000] {
            awaited.clock.advance(ms(passed));
            assert_eq!(awaited.next().await.unwrap(), 1);
            awaited.assert_none().await;
        }
    });
}

fn skipped_expirations_are_replaced_by_the_next_one() {
    on_each(Some(MissedTicks::Skip), |mut awaited| async move {
        awaited.timer.arm_every(SECOND).unwrap();
        // The read is late, but by less than an interval.
        awaited.clock.advance(ms(1900));
        assert_eq!(awaited.next().await.unwrap(), 1);
        for passed in [1200, 7000] {
            awaited.clock.advance(ms(passed));
            awaited.assert_none().await;
            awaited.clock.advance_to_next();
            assert_eq!(awaited.next().await.unwrap(), 1);
            awaited.assert_none().await;
        }
    });
}

fn a_clock_step_is_passed_on_and_does_not_end_the_stream() {
    for policy in [MissedTicks::Count, MissedTicks::Coalesce, MissedTicks::Skip] {
        on_each(Some(policy), |mut awaited| async move {
            let soon = awaited.clock.now(Clock::Realtime) + 2 * SECOND;
            awaited.timer.set(&TimerSpec::at(soon).cancel_on_set()).unwrap();
            awaited.clock.set_realtime(soon - SECOND).unwrap();
            assert_canceled(awaited.next().await);
            awaited.assert_none().await;
            awaited.clock.advance(SECOND);
            assert_eq!(awaited.next().await.unwrap(), 1);
        });
    }
}
