//! Threads that wait, and a clock that moves when all of them wait: the same result in every run.

use crate::common::*;
use crate::{ms, open, realtime};
use nix::libc::ETIMEDOUT;
use portable_timerfd::{Clock, CreateFlags, SimulatedClock, TimerFd, TimerSpec};
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

fn open_blocking(simulated: &SimulatedClock) -> TimerFd {
    let flags = CreateFlags::new().nonblocking(false);
    simulated.open(Clock::Monotonic, flags).unwrap().into()
}

/// Moves the clock whenever all workers wait, until they have ended. Returns their results.
fn drive<T>(simulated: &SimulatedClock, workers: Vec<JoinHandle<T>>) -> Vec<T> {
    loop {
        let at_work = workers.iter().filter(|worker| !worker.is_finished()).count();
        if at_work == 0 {
            return workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        }
        if simulated.waiting() == at_work {
            simulated.advance_to_next();
        }
        thread::yield_now();
    }
}

type Wait = fn(&TimerFd) -> io::Result<u64>;
const WAYS: [Wait; 2] = [|timer| timer.wait(None), |timer| timer.read()];

/// A timer expires each second. After the fifth expiration, another one is set for ten seconds. In
/// every order of the threads, it is due at second 15.
#[test]
fn the_clock_waits_for_a_worker_between_two_waits() {
    for wait in WAYS {
        for _ in 0..200 {
            let simulated = SimulatedClock::new();
            let begun = simulated.now(Clock::Monotonic);
            let [beat, late] = [(); 2].map(|()| open_blocking(&simulated));
            let worker = thread::spawn(move || {
                beat.arm_every(SECOND).unwrap();
                let counts: Vec<u64> = (0..5).map(|_| wait(&beat).unwrap()).collect();
                late.arm_after(10 * SECOND).unwrap();
                assert_eq!((counts, wait(&late).unwrap()), (vec![1; 5], 1));
                (late.now(Clock::Monotonic).unwrap(), beat.read().unwrap())
            });
            assert_eq!(drive(&simulated, vec![worker]), [(begun + 15 * SECOND, 10)]);
        }
    }
}

#[test]
fn several_waiters_wake_in_the_order_of_their_times() {
    const ROUNDS: u64 = if cfg!(miri) { 5 } else { 200 };
    let simulated = SimulatedClock::new();
    let begun = simulated.now(Clock::Monotonic);
    let workers = (1..=4u32).map(|number| {
        let timer = open_blocking(&simulated);
        let wait = WAYS[number as usize % 2];
        thread::spawn(move || {
            let turn = |_| {
                timer.arm_after(number * SECOND).unwrap();
                assert_eq!(wait(&timer).unwrap(), 1);
                timer.now(Clock::Monotonic).unwrap().saturating_duration_since(begun).as_secs()
            };
            (0..ROUNDS).map(turn).collect::<Vec<_>>()
        })
    });
    let workers = workers.collect();
    for (number, times) in (1..).zip(drive(&simulated, workers)) {
        assert_eq!(times, (1..=ROUNDS).map(|turn| turn * number).collect::<Vec<_>>());
    }
}

/// A timer that stays unread does not hold up the others.
#[test]
fn an_unread_timer_does_not_hold_up_waiters() {
    let simulated = SimulatedClock::new();
    let [unread, timer] = [(); 2].map(|()| open(&simulated, Clock::Monotonic));
    unread.arm_after(Duration::ZERO).unwrap();
    assert_errno(timer.wait(Some(Duration::ZERO)), ETIMEDOUT);
    assert_errno(timer.wait(Some(ms(1))), ETIMEDOUT);
    assert_nothing_to_read(&timer);
    assert_eq!((simulated.waiting(), simulated.has_unread()), (0, true), "no thread waits any longer");
    let waiters: Vec<_> = WAYS
        .iter()
        .map(|wait| {
            let timer = open_blocking(&simulated);
            timer.set(&TimerSpec::after(HOUR)).unwrap();
            thread::spawn(move || wait(&timer).unwrap())
        })
        .collect();
    assert_eq!(drive(&simulated, waiters), [1, 1]);
    assert_eq!(simulated.waiting(), 0);
}

/// A wait is over, however it ends.
#[test]
fn a_waiter_that_gets_ecanceled_is_no_longer_waiting() {
    for wait in WAYS {
        let simulated = SimulatedClock::new();
        let flags = CreateFlags::new().nonblocking(false);
        let timer = TimerFd::from(simulated.open(Clock::Realtime, flags).unwrap());
        timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
        simulated.set_realtime(realtime(HOUR)).unwrap();
        assert_canceled(wait(&timer));
        assert_eq!(simulated.waiting(), 0, "the wait ended at once");
        let waiting = thread::spawn({
            let simulated = simulated.clone();
            move || {
                assert_canceled(wait(&timer));
                simulated.waiting()
            }
        });
        while simulated.waiting() == 0 {
            thread::yield_now();
        }
        simulated.set_realtime(realtime(2 * HOUR)).unwrap();
        assert_eq!(waiting.join().unwrap(), 0);
    }
}

#[test]
fn the_timeout_of_wait_is_in_real_time() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_after(HOUR).unwrap();
    let begun = std::time::Instant::now();
    assert_errno(timer.wait(Some(ms(5))), ETIMEDOUT);
    assert!(begun.elapsed() >= ms(5));
    assert_eq!(simulated.next_expiration(), Some(HOUR));
    simulated.advance(HOUR);
    assert_eq!(timer.wait(Some(Duration::MAX)).unwrap(), 1);
}
