//! Many threads that use one timer: all calls at the same time.

use crate::support::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

crate::cases![
    all_calls_can_be_made_concurrently,
    a_panic_in_a_users_thread_harms_no_timer,
    each_expiration_goes_to_one_of_many_readers,
    each_expiration_wakes_one_of_many_blocked_readers,
    a_read_never_mixes_two_settings,
    a_blocked_reader_follows_the_setting_of_another_thread,
];

/// Asserts that a result is one that concurrent calls may give.
fn assert_ordinary<T>(result: io::Result<T>) {
    if let Err(e) = result {
        assert_eq!(e.kind(), ErrorKind::WouldBlock);
    }
}

/// Makes calls of every kind, one after another.
fn call(timer: &TimerFd, round: u32) {
    let delay = Duration::from_nanos(u64::from(round % 97) * 100);
    match round % 11 {
        0 => assert_ordinary(timer.arm_after(delay)),
        1 => assert_ordinary(timer.replace(&TimerSpec::after(delay).every(delay))),
        2 => assert_ordinary(timer.arm_at(timer.clock().now().unwrap() + delay)),
        3 => assert_ordinary(timer.arm_after(HOUR)),
        4 => assert_ordinary(timer.disarm()),
        5 => assert_ordinary(timer.replace(&TimerSpec::disarmed().cancel_on_set())),
        6 => assert_ordinary(timer.get()),
        7 => assert_ordinary(timer.read()),
        8 => assert_ordinary(raw_read(timer)),
        9 => drop(polled(timer, 0u8)),
        _ => assert_ordinary(raw_read(&timer.as_fd().try_clone_to_owned().unwrap())),
    }
}

fn all_calls_can_be_made_concurrently(backend: &TestBackend) {
    let timers: Vec<_> = clocks().into_iter().map(|clock| open_on(backend.inner, clock)).collect();
    thread::scope(|scope| {
        for n in 0..6 {
            let timers = &timers;
            scope.spawn(move || {
                for round in 0..5_000 {
                    // Each thread has its own order of calls.
                    timers.iter().for_each(|timer| call(timer, round * (2 * n + 1)));
                    call(&open(backend.inner), round);
                }
            });
        }
    });
    for timer in &timers {
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
}

fn a_panic_in_a_users_thread_harms_no_timer(backend: &TestBackend) {
    let timer = Arc::new(open(backend.inner));
    for round in 0..20 {
        let (shared, own) = (Arc::clone(&timer), open(backend.inner));
        let panicking = thread::spawn(move || {
            shared.arm_every(Duration::from_micros(10)).unwrap();
            own.arm_every(Duration::from_micros(10)).unwrap();
            assert!(own.wait(None).unwrap() >= 1);
            // Unwinds like a panic, but prints nothing.
            resume_unwind(Box::new(round))
        });
        assert!(panicking.join().is_err());
        assert!(timer.wait(None).unwrap() >= 1);
    }
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn each_expiration_goes_to_one_of_many_readers(backend: &TestBackend) {
    let timer = open(backend.inner);
    let interval = Duration::from_micros(200);
    let first = Clock::Monotonic.now().unwrap() + interval;
    timer.set(&TimerSpec::at(first).every(interval)).unwrap();
    let sum = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    sum.fetch_add(timer.wait(None).unwrap(), Ordering::Relaxed);
                }
            });
        }
    });
    assert_counts_by_the_clock(Clock::Monotonic, first, interval, || {
        sum.load(Ordering::Relaxed) + timer.wait(None).unwrap()
    });
}

fn each_expiration_wakes_one_of_many_blocked_readers(backend: &TestBackend) {
    let timer = open_blocking(backend.inner);
    let (woken, wakes) = mpsc::channel();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = [false, true, false, true].map(|raw| {
            let (timer, done, woken) = (&timer, &done, woken.clone());
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let count = if raw { raw_read_waiting(timer) } else { timer.read() };
                    woken.send(count.unwrap()).unwrap();
                }
            })
        });
        let mut armed = 0;
        let mut arm = || {
            timer.arm_after(Duration::from_micros(20)).unwrap();
            armed += 1;
        };
        for _ in 0..500 {
            arm();
            assert_eq!(wakes.recv().unwrap(), 1);
        }
        done.store(true, Ordering::Relaxed);
        while !readers.iter().all(|reader| reader.is_finished()) {
            arm();
            thread::sleep(ms(1));
        }
        let woken = 500 + wakes.try_iter().sum::<u64>();
        assert!(woken <= armed, "{woken} expirations given, the timer was set {armed} times");
    });
}

fn a_read_never_mixes_two_settings(backend: &TestBackend) {
    let timer = open_blocking(backend.inner);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(timer.read().unwrap(), 1);
            }
        });
        for round in 0..200_000 {
            timer.arm_after(Duration::from_nanos(round % 3 * 1000)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        while !reader.is_finished() {
            timer.arm_after(Duration::ZERO).unwrap();
            thread::sleep(ms(1));
        }
    });
}

fn a_blocked_reader_follows_the_setting_of_another_thread(backend: &TestBackend) {
    let timer = open_blocking(backend.inner);
    for raw in [false, true] {
        for last in [Duration::ZERO, ms(3)] {
            timer.arm_after(HOUR).unwrap();
            thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let count = if raw { raw_read(&timer) } else { timer.read() };
                    (count.unwrap(), Clock::Monotonic.now().unwrap())
                });
                // Neither disarming nor postponing the timer wakes the reader.
                timer.disarm().unwrap();
                timer.arm_after(2 * HOUR).unwrap();
                let goal = Clock::Monotonic.now().unwrap() + last;
                timer.arm_after(last).unwrap();
                let (count, time) = reader.join().unwrap();
                assert!(count == 1 && time >= goal, "{count} at {time:?}, set for {goal:?}");
            });
        }
    }
}
