//! Clock changes that race with readers and settings, in every order.

use crate::backends::sys::error::ECANCELED;
use crate::backends::sys::fd;
use crate::backends::userspace::UserspaceTimer;
use crate::model::{concurrently, MODEL};
use crate::support::{add, assert_ok, counted_read, ns, open_on, raw_read};
use crate::timer::Timer;
use crate::{Clock, ClockTime, TimerSpec};
use shuttle::sync::Arc;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

crate::cases![
    a_waiting_reader_gets_ecanceled_for_a_clock_step,
    a_clock_step_wakes_a_waiting_raw_read,
    one_of_many_readers_gets_ecanceled,
    a_step_forward_expires_an_absolute_time,
    a_stale_cancellation_is_not_an_expiration,
    the_first_expiration_since_gettime_is_seen_during_a_back_off,
    a_lone_disarmed_timer_with_cancel_on_set_gets_ecanceled,
    a_step_past_the_time_disarms_the_timer_in_every_order,
    expirations_rolled_back_during_reads_recur_once,
];

/// The wall clock of a new model, and the size of a clock step.
pub const WALL: u64 = 1_700_000_000_001_000_000;
pub const STEP: u64 = 1_000_000_000;
pub const HOUR: u64 = 3_600_000_000_000;
pub const LONGEST_BLIND_SLEEP: u64 = 250_000_000;
pub const LONGEST_BACK_OFF: u64 = 10_000_000;

/// A time of the wall clock.
pub const fn wall(nanos: u64) -> ClockTime {
    ClockTime::new(Clock::Realtime, ns(nanos))
}

pub fn watching(nonblocking: bool) -> UserspaceTimer {
    let timer = open_on(Clock::Realtime, nonblocking);
    let later = Clock::Realtime.now().unwrap() + ns(HOUR);
    timer.set(&TimerSpec::at(later).cancel_on_set()).unwrap();
    timer
}

pub fn step_and_wait() {
    MODEL.step_wall_clock(STEP as i64);
    // This is the longest sleep of the thread.
    MODEL.settle();
    MODEL.pass(LONGEST_BLIND_SLEEP);
}

pub fn gets_ecanceled(timer: &UserspaceTimer) -> bool {
    matches!(timer.try_read(), Err(e) if e.raw_os_error() == Some(ECANCELED))
}

fn a_waiting_reader_gets_ecanceled_for_a_clock_step() {
    let timer = Arc::new(watching(false));
    concurrently(
        &timer,
        &[|timer| assert_eq!(timer.read().unwrap_err().raw_os_error(), Some(ECANCELED)), |_| step_and_wait()],
    );
    assert!(!gets_ecanceled(&timer) && raw_read(&timer) == 0);
    drop(timer);
    MODEL.end();
}

fn a_clock_step_wakes_a_waiting_raw_read() {
    let timer = Arc::new(watching(false));
    concurrently(&timer, &[|timer| assert_eq!(fd::read_count(timer.as_fd()).unwrap(), Some(1)), |_| step_and_wait()]);
    assert!(gets_ecanceled(&timer));
    drop(timer);
    MODEL.end();
}

fn one_of_many_readers_gets_ecanceled() {
    let shared = Arc::new((watching(true), AtomicU64::new(0)));
    let read = |(timer, canceled): &(UserspaceTimer, AtomicU64)| {
        canceled.fetch_add(gets_ecanceled(timer).into(), Ordering::Relaxed);
    };
    concurrently(&shared, &[read, read, |(timer, _)| assert_ok(timer.get()), |_| step_and_wait()]);
    read(&shared);
    let (timer, canceled) = Arc::into_inner(shared).unwrap();
    assert_eq!(canceled.into_inner(), 1);
    MODEL.settle();
    assert_eq!(raw_read(&timer), 0);
    drop(timer);
    MODEL.end();
}

fn a_step_forward_expires_an_absolute_time() {
    let timer = Arc::new(open_on(Clock::Realtime, false));
    timer.arm_at(Clock::Realtime.now().unwrap() + ns(HOUR)).unwrap();
    concurrently(
        &timer,
        &[
            |timer| assert_eq!(timer.read().unwrap(), 1),
            |_| {
                MODEL.step_wall_clock(HOUR as i64);
                MODEL.settle();
                MODEL.pass(LONGEST_BLIND_SLEEP);
            },
        ],
    );
    drop(timer);
    MODEL.end();
}

fn a_stale_cancellation_is_not_an_expiration() {
    let timer = Arc::new(watching(false));
    concurrently(
        &timer,
        &[
            |timer| {
                let count = timer.read().map_err(|e| e.raw_os_error());
                assert!(matches!(count, Ok(1) | Err(Some(ECANCELED))), "{count:?}");
                if count.is_ok() {
                    // This is the expiration of the new setting, not the cancellation.
                    assert_eq!(MODEL.time(Clock::Monotonic), 1_000_000 + 2 * LONGEST_BLIND_SLEEP);
                }
            },
            |timer| assert_ok(timer.arm_at(wall(WALL + STEP + 2 * LONGEST_BLIND_SLEEP))),
            |_| {
                step_and_wait();
                MODEL.settle();
                MODEL.pass(LONGEST_BLIND_SLEEP);
            },
        ],
    );
    drop(timer);
    MODEL.end();
}

/// The clock is stepped back behind an expiration that no method has reported. Reporting the clock
/// step then disarms the timer.
fn the_first_expiration_since_gettime_is_seen_during_a_back_off() {
    for refreshes in [0, 8] {
        let timer = open_on(Clock::Realtime, true);
        let first = Clock::Realtime.now().unwrap() - ns(1);
        timer.set(&TimerSpec::at(first).every(ns(1)).cancel_on_set()).unwrap();
        // After eight refreshes, the count has stayed unread for long.
        for _ in 0..refreshes {
            MODEL.pass(2_000_000);
            MODEL.settle();
        }
        assert!(timer.get().unwrap().is_armed());
        MODEL.pass(1);
        MODEL.settle();
        MODEL.step_wall_clock(-(STEP as i64));
        assert!(gets_ecanceled(&timer));
        assert!(!timer.get().unwrap().is_armed(), "after {refreshes} refreshes");
        MODEL.step_wall_clock(STEP as i64);
        drop(timer);
    }
    MODEL.end();
}

fn a_lone_disarmed_timer_with_cancel_on_set_gets_ecanceled() {
    let timer = Arc::new(open_on(Clock::Realtime, false));
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    concurrently(&timer, &[|timer| assert_eq!(fd::read_count(timer.as_fd()).unwrap(), Some(1)), |_| step_and_wait()]);
    assert!(gets_ecanceled(&timer));
    drop(timer);
    MODEL.end();
}

fn a_step_past_the_time_disarms_the_timer_in_every_order() {
    let timer = open_on(Clock::Realtime, true);
    timer.set(&TimerSpec::at(wall(WALL + HOUR)).every(ns(HOUR)).cancel_on_set()).unwrap();
    MODEL.step_wall_clock(2 * HOUR as i64);
    assert!(gets_ecanceled(&timer));
    assert!(!timer.get().unwrap().is_armed());
    drop(timer);
    MODEL.end();
}

/// In every order, each period is counted once in the end.
fn expirations_rolled_back_during_reads_recur_once() {
    let shared = Arc::new((open_on(Clock::Realtime, false), AtomicU64::new(0)));
    shared.0.set(&TimerSpec::at(wall(WALL + 10)).every(ns(10))).unwrap();
    let waiter = Arc::clone(&shared);
    let waiter = shuttle::thread::spawn(move || add(&waiter.1, waiter.0.read().unwrap()));
    concurrently(
        &shared,
        &[
            |(timer, sum)| add(sum, raw_read(timer)),
            |(timer, _)| assert_ok(timer.get()),
            |(timer, sum)| add(sum, counted_read(timer)),
            |_| {
                MODEL.pass(35);
                MODEL.step_wall_clock(-20);
                MODEL.settle();
                MODEL.pass(200_000);
            },
        ],
    );
    // The other readers may have left no count for the blocked one. This is the longest back-off.
    MODEL.settle();
    MODEL.pass(LONGEST_BACK_OFF);
    waiter.join().unwrap();
    let (timer, sum) = Arc::into_inner(shared).unwrap();
    add(&sum, counted_read(&timer));
    assert_eq!(sum.into_inner(), (MODEL.time(Clock::Realtime) - WALL) / 10);
    drop(timer);
    MODEL.end();
}
