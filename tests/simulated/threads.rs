//! Many threads: some move the clock; others set, read and drop its timers.

use crate::common::*;
use crate::{ms, open, realtime};
use portable_timerfd::{Clock, CreateFlags, SimulatedClock, TimerSpec};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn the_sum_is_exact_with_many_readers_and_clock_movers() {
    const THREADS: u32 = 3;
    const ROUNDS: u32 = 3_000;
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(Duration::from_micros(1)).unwrap();
    let sum = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (simulated, timer, sum) = (&simulated, &timer, &sum);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    simulated.advance(Duration::from_nanos(u64::from(round % 7) * 500));
                    let count = if thread == 0 { raw_read(timer) } else { timer.read() };
                    sum.fetch_add(count.unwrap_or(0), Ordering::Relaxed);
                    assert_eq!(timer.get().unwrap().interval(), Duration::from_micros(1));
                }
            });
        }
    });
    sum.fetch_add(timer.read().unwrap_or(0), Ordering::Relaxed);
    let nanos: u64 = (0..ROUNDS).map(|round| u64::from(round % 7) * 500).sum();
    assert_eq!(sum.into_inner(), u64::from(THREADS) * nanos / 1_000);
}

#[test]
fn each_expiration_wakes_one_of_several_blocked_readers() {
    let simulated = SimulatedClock::new();
    let timer = simulated.open(Clock::Monotonic, CreateFlags::new().nonblocking(false)).unwrap();
    let (woken, wakes) = mpsc::channel();
    thread::scope(|scope| {
        for reader in 0..4 {
            let (timer, woken) = (&timer, woken.clone());
            scope.spawn(move || loop {
                let count = if reader % 2 == 0 { raw_read_waiting(timer) } else { timer.read() }.unwrap();
                woken.send(count).unwrap();
                if count > 1 {
                    return;
                }
            });
        }
        for _ in 0..500 {
            timer.arm_after(HOUR).unwrap();
            assert_eq!(simulated.advance_to_next(), Some(HOUR));
            assert_eq!(wakes.recv().unwrap(), 1);
        }
        // Several expirations at once end a reader.
        for _ in 0..4 {
            timer.arm_every(HOUR).unwrap();
            simulated.advance(3 * HOUR);
            assert_eq!(wakes.recv().unwrap(), 3);
        }
    });
    assert!(wakes.try_recv().is_err());
}

/// In all, less than an hour passes here.
#[test]
fn nothing_of_an_old_setting_appears_while_another_thread_moves_the_clock() {
    let simulated = SimulatedClock::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) && simulated.now(Clock::Monotonic).since_zero() < HOUR {
                simulated.advance(Duration::from_micros(10));
                simulated.set_realtime(simulated.now(Clock::Realtime) + Duration::from_nanos(1)).unwrap();
            }
        });
        let timer = open(&simulated, Clock::Realtime);
        for round in 0..20_000 {
            timer.arm_at(simulated.now(Clock::Realtime) + Duration::from_micros(round % 50)).unwrap();
            timer.set(&TimerSpec::at(realtime(Duration::MAX)).every(ms(1))).unwrap();
            assert!(!is_readable(&timer), "round {round}");
            assert_nothing_to_read(&timer);
            // This timer is opened and dropped at any moment of the other thread.
            open(&simulated, Clock::Monotonic).arm_after(Duration::from_micros(round % 50)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(simulated.next_expiration(), None);
}
