//! Cases for a `TimerSet` in each loop that can await its entries: tokio and async-io.

use crate::awaited::Awaited;
use crate::awaited_set::{AwaitedSet, SetLoop};
use crate::probe::Probe;
use crate::support::*;
use crate::Case;
use futures_lite::{future, Stream, StreamExt};
use portable_timerfd::{Backend, Clock, TimerSet, TimerSpec};
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::pin::{pin, Pin};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The cases, in one loop.
pub struct In<L>(L);

crate::cases_in_each![SetLoop:
    entries_are_returned_in_the_order_of_their_deadlines,
    a_stream_yields_the_entries,
    an_earlier_entry_between_two_awaits_is_returned_first,
    a_dropped_future_loses_no_entry,
    a_drain_that_was_begun_is_continued,
    the_next_entry_of_a_drain_is_returned_at_once,
    a_postponed_entry_is_returned_at_the_later_time_only,
    an_empty_set_waits,
    an_error_is_returned_once_and_the_next_await_works,
    a_set_that_is_not_due_is_not_examined_again_and_again,
    entries_of_both_clocks_are_returned,
    an_entry_that_is_due_very_soon_is_returned,
    many_entries_that_are_due_cost_one_setting,
    a_task_inserts_an_entry_while_another_waits,
    a_thread_inserts_an_entry_while_a_task_waits,
];

fn open_set<L: SetLoop>(backend: Backend) -> AwaitedSet<L> {
    AwaitedSet::new(open(backend))
}

fn entries_are_returned_in_the_order_of_their_deadlines<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        let first = entries.set().now(Clock::Monotonic).unwrap() + ms(1);
        let goal = |n: u32| first + Duration::from_micros(100) * n;
        for n in (0..20).map(|n| n * 7 % 20) {
            entries.set().insert_at(goal(n), n).unwrap();
        }
        for n in 0..20 {
            entries.expect(n, goal(n)).await;
        }
        assert!(entries.set().is_empty());
        entries.assert_silent().await;
    });
}

fn a_stream_yields_the_entries<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        let first = entries.set().now(Clock::Monotonic).unwrap() + ms(1);
        let periodic = entries.set().insert(&TimerSpec::at(first).every(ms(1)), 1).unwrap();
        entries.set().insert_at(first, 2).unwrap();
        let mut stream = entries.stream();
        let (mut seen, mut once) = (0, Vec::new());
        while seen < 5 || once.is_empty() {
            let expired = stream.next().await.unwrap().unwrap();
            if expired.key == periodic {
                assert_eq!((expired.value, expired.deadline), (None, first + ms(1) * seen));
                seen += u32::try_from(expired.count).unwrap();
            } else {
                once.extend(expired.value);
            }
            assert!(Clock::Monotonic.now().unwrap() >= first + ms(1) * (seen - 1));
        }
        assert_eq!(once, [2]);
    });
}

fn an_earlier_entry_between_two_awaits_is_returned_first<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        for round in 1..=5 {
            // Each round arms the timer for an earlier time than the round before.
            entries.set().insert_after(HOUR / round, 0).unwrap();
            entries.assert_silent().await;
            let second = entries.insert_soon(2);
            let first = second - Duration::from_micros(300);
            entries.set().insert_at(first, 1).unwrap();
            entries.expect(1, first).await;
            entries.expect(2, second).await;
        }
        entries.assert_silent().await;
        assert_eq!(entries.set().len(), 5);
    });
}

fn a_dropped_future_loses_no_entry<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        for round in 0..100 {
            // Dropped before, during and after the expiration.
            let goal = entries.set().now(Clock::Monotonic).unwrap() + Duration::from_micros(300);
            for value in [1, 2] {
                entries.set().insert_at(goal, value).unwrap();
            }
            let limit = Duration::from_micros(round * 7);
            match entries.within(limit).await {
                Some(expired) => assert_eq!(expired.value, Some(1)),
                None => entries.expect(1, goal).await,
            }
            entries.expect(2, goal).await;
        }
        for _ in 0..10 {
            let goal = entries.insert_soon(3);
            if !expires_while_it_is_awaited(&mut entries).await {
                entries.expect(3, goal).await;
            }
        }
        entries.assert_silent().await;
    });
}

/// Polls once, lets the entry expire, and drops the future without polling it again. Returns
/// whether the entry was returned.
async fn expires_while_it_is_awaited<L: SetLoop>(entries: &mut AwaitedSet<L>) -> bool {
    let handle = entries.set().as_fd().try_clone_to_owned().unwrap();
    let mut next = pin!(entries.next());
    let is_returned = future::poll_once(&mut next).await.is_some();
    if !is_returned {
        until_readable(&handle);
    }
    is_returned
}

fn a_drain_that_was_begun_is_continued<L: SetLoop>(backend: Backend) {
    L::run(async {
        for by_hand in [false, true] {
            let mut entries = open_set::<L>(backend);
            let keys = entries.insert_due(0..6);
            for value in 0..2 {
                let expired = if by_hand { entries.set().next_expired().unwrap() } else { entries.within(HOUR).await };
                assert_eq!(expired.unwrap().value, Some(value));
            }
            // An entry that is inserted during a drain belongs to the next one.
            let earlier = entries.set().now(Clock::Monotonic).unwrap() - SECOND;
            entries.set().insert_at(earlier, 6).unwrap();
            assert_eq!(entries.set().remove(keys[2]), Some(2));
            assert!(entries.set().rearm_after(keys[3], HOUR).unwrap());
            for value in [4, 5, 6] {
                assert_eq!(entries.value().await, value);
            }
            entries.assert_silent().await;
            assert_eq!(entries.set().len(), 1);
        }
    });
}

fn the_next_entry_of_a_drain_is_returned_at_once<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        for _ in 0..3 {
            entries.insert_due(0..5);
            assert_eq!(entries.value().await, 0);
            for value in 1..5 {
                assert_eq!(future::poll_once(pin!(entries.value())).await, Some(value));
            }
            entries.assert_silent().await;
        }
    });
}

fn a_postponed_entry_is_returned_at_the_later_time_only<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        for waits in [false, true] {
            let key = entries.set().insert_after(ms(1), 1).unwrap();
            assert!(entries.set().rearm_after(key, HOUR).unwrap());
            if waits {
                // The set is readable at the former deadline, and the task is woken for nothing.
                until_readable(entries.set());
                entries.assert_silent().await;
                assert!(!is_readable(entries.set()), "it waits for the later time");
            }
            let goal = entries.set().now(Clock::Monotonic).unwrap() + ms(3);
            assert!(entries.set().rearm_at(key, goal).unwrap());
            entries.expect(1, goal).await;
            entries.assert_silent().await;
        }
    });
}

fn an_empty_set_waits<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        entries.assert_silent().await;
        for round in 0..3 {
            let goal = entries.insert_soon(round);
            entries.expect(round, goal).await;
            entries.assert_silent().await;
            // Emptied, while the timer is armed and after it has expired.
            entries.insert_soon(round);
            entries.set().clear();
            entries.assert_silent().await;
            let keys = entries.insert_due([round]);
            assert_eq!(entries.set().remove(keys[0]), Some(round));
            entries.assert_silent().await;
        }
    });
}

fn an_error_is_returned_once_and_the_next_await_works<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = AwaitedSet::<L, Probe>::new(Probe::new(open(backend)));
        let later = entries.set().insert_after(HOUR, 2).unwrap();
        for during_a_drain in [false, true] {
            entries.insert_due([1]);
            if during_a_drain {
                assert_eq!(entries.value().await, 1);
            }
            // The reading of the clock that begins a drain, or the setting that ends it.
            entries.set().timer().failing.store(1, Relaxed);
            assert_errno(entries.next().await, nix::libc::ENOMEM);
            if !during_a_drain {
                assert_eq!(entries.value().await, 1);
            }
            entries.assert_silent().await;
            let goal = entries.insert_soon(3);
            entries.expect(3, goal).await;
        }
        let goal = entries.set().now(Clock::Monotonic).unwrap() + ms(1);
        assert!(entries.set().rearm_at(later, goal).unwrap());
        entries.expect(2, goal).await;
    });
}

/// The number of calls in a wait without an entry. A wake-up takes one or two.
const FEW: u64 = 20;

fn a_set_that_is_not_due_is_not_examined_again_and_again<L: SetLoop>(backend: Backend) {
    L::run(async {
        for clock in [Clock::Monotonic, Clock::Realtime] {
            let mut entries = AwaitedSet::<L, Probe>::new(Probe::new(open_on(backend, clock)));
            entries.set().insert_after(HOUR, 2).unwrap();
            entries.set().insert_at(clock.now().unwrap() + HOUR, 3).unwrap();
            for _ in 0..3 {
                entries.insert_due([1]);
                assert_eq!(entries.value().await, 1);
                entries.set().timer().take_counts();
                entries.assert_silent().await;
                // The task is woken for other reasons.
                for _ in 0..100 {
                    assert!(future::poll_once(pin!(entries.next())).await.is_none());
                }
                let [sets, reads, readings] = entries.set().timer().take_counts();
                assert!((1..FEW).contains(&sets) && readings < FEW, "{sets} settings, {readings} readings");
                assert_eq!(reads, 0);
            }
        }
    });
}

fn entries_of_both_clocks_are_returned<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = AwaitedSet::<L>::new(open_on(backend, Clock::Realtime));
        for _ in 0..5 {
            let clocks = [Clock::Monotonic, Clock::Realtime];
            let goals = clocks.map(|clock| clock.now().unwrap() + ms(1));
            for (value, goal) in (0..).zip(goals) {
                entries.set().insert_at(goal, value).unwrap();
            }
            let mut values = Vec::new();
            while values.len() < 2 {
                let value = entries.value().await;
                assert!(clocks[value as usize].now().unwrap() >= goals[value as usize]);
                values.push(value);
            }
            assert_ne!(values[0], values[1]);
        }
        entries.assert_silent().await;
    });
}

/// The timer expires at any moment of a call that waits.
fn an_entry_that_is_due_very_soon_is_returned<L: SetLoop>(backend: Backend) {
    L::run(async {
        let mut entries = open_set::<L>(backend);
        for n in 0..2000 {
            let delay = Duration::from_nanos(u64::from(n * 97 % 20_000));
            entries.set().insert_after(delay, n).unwrap();
            assert_eq!(entries.value().await, n);
        }
    });
}

fn many_entries_that_are_due_cost_one_setting<L: SetLoop>(backend: Backend) {
    const MANY: u32 = 10_000;
    L::run(async {
        let mut entries = AwaitedSet::<L, Probe>::new(Probe::new(open(backend)));
        let past = entries.set().now(Clock::Monotonic).unwrap() - SECOND;
        for n in (0..MANY).map(|n| n * 7919 % MANY) {
            entries.set().insert_at(past + Duration::from_nanos(n.into()), n).unwrap();
        }
        entries.set().timer().take_counts();
        for n in 0..MANY {
            assert_eq!(entries.value().await, n);
        }
        entries.assert_silent().await;
        let [sets, reads, readings] = entries.set().timer().take_counts();
        assert_eq!((sets, reads), (1, 0));
        assert!(readings < FEW, "{readings} readings of the clock");
    });
}

fn a_task_inserts_an_entry_while_another_waits<L: SetLoop>(backend: Backend) {
    L::run(async {
        let entries = Mutex::new(open_set::<L>(backend));
        let wait = async {
            for n in 0..20 {
                // The lock is held while the set is polled, and not while the task waits.
                let next = poll_fn(|cx| Pin::new(&mut entries.lock().unwrap().stream()).poll_next(cx));
                assert_eq!(next.await.unwrap().unwrap().value, Some(n));
            }
        };
        let insert = async {
            for n in 0..20 {
                entries.lock().unwrap().insert_soon(n);
                assert!(L::Timer::within(ms(1), future::pending::<()>()).await.is_none());
            }
        };
        future::zip(wait, insert).await;
    });
}

/// The loop waits for the timer, and every thread locks the set only to change it.
fn a_thread_inserts_an_entry_while_a_task_waits<L: SetLoop>(backend: Backend) {
    const ENTRIES: u32 = 100;
    L::run(async {
        let timer = Arc::new(open(backend));
        let set = Arc::new(Mutex::new(TimerSet::with_timer(Arc::clone(&timer)).unwrap()));
        let source = L::new(timer).unwrap();
        let inserting = thread::spawn({
            let set = Arc::clone(&set);
            move || {
                for n in 0..ENTRIES {
                    set.lock().unwrap().insert_after(Duration::from_micros(100), n).unwrap();
                    thread::yield_now();
                }
            }
        });
        let mut values = Vec::new();
        while values.len() < ENTRIES as usize {
            L::readable(&source).await.unwrap();
            let mut set = set.lock().unwrap();
            values.extend(std::iter::from_fn(|| set.next_expired().unwrap()).map(|expired| expired.value.unwrap()));
        }
        inserting.join().unwrap();
        assert!(values.into_iter().eq(0..ENTRIES));
    });
}
