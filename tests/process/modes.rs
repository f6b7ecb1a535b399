//! The accuracy modes: their cost, and that no mode is early.

use crate::common::{polled, raw_read, userspace_builder};
use crate::thread::the_thread;
use nix::poll::PollTimeout;
use portable_timerfd::{Accuracy, Clock, Timer, TimerFd};
use std::time::Duration;

crate::cases![
    userspace:
        no_mode_is_early,
        an_earlier_time_expires_first_while_the_thread_spins,
        precise_timers_spin_and_adaptive_ones_for_1_percent_only,
        a_timer_has_the_mode_of_the_process_unless_it_is_given_one;
];

fn of_mode(mode: Accuracy) -> TimerFd {
    userspace_builder(Clock::Monotonic).accuracy(mode).open().unwrap()
}

fn now() -> Duration {
    Clock::Monotonic.now().unwrap()
}

fn no_mode_is_early() {
    for mode in Accuracy::ALL {
        let timer = of_mode(mode);
        for micros in 0..400 {
            let due = now() + Duration::from_micros(micros);
            timer.arm_at(due).unwrap();
            polled(&timer, PollTimeout::NONE);
            assert!(now() >= due, "{mode:?}");
            assert_eq!(raw_read(&timer).unwrap(), 1, "{mode:?}");
        }
    }
}

/// The thread spins for one timer, or is about to, when the other is set.
fn an_earlier_time_expires_first_while_the_thread_spins() {
    for (spun_for, other) in Accuracy::ALL.into_iter().flat_map(|a| Accuracy::ALL.map(|b| (a, b))) {
        let (late, early) = (of_mode(spun_for), of_mode(other));
        for before in 0..100 {
            let due = now() + Duration::from_micros(300);
            late.arm_at(due).unwrap();
            while now() + Duration::from_micros(before) < due {}
            early.arm_at(now() + (due.saturating_sub(now())) / 2).unwrap();
            polled(&early, PollTimeout::NONE);
            assert!(early.read().is_ok() && late.wait(None).is_ok(), "{spun_for:?}, {other:?}");
        }
    }
}

/// Returns the CPU time of the timer thread, as the kernel counts it.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string(the_thread().join("schedstat")).unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// Returns the thread's CPU time for five hundred expirations, 200 µs apart, each of which is read.
fn of_ticks(timer: &TimerFd) -> Duration {
    timer.arm_every(Duration::from_micros(200)).unwrap();
    timer.wait(None).unwrap();
    let before = processor_time();
    let mut ticks = 0;
    while ticks < 500 {
        ticks += timer.wait(None).unwrap();
    }
    let took = processor_time() - before;
    timer.disarm().unwrap();
    took
}

/// A timer with spins costs at least 100 µs per expiration. The wake-up and the work take a
/// fraction of that. Other programs can preempt a spinning thread and slow down the others' work,
/// so this may take several tries.
fn assert_cheaper(cheap: &TimerFd, expensive: &TimerFd) {
    let shows = |_| of_ticks(cheap) * 3 < of_ticks(expensive) * 2;
    assert!((0..100).any(shows));
}

fn precise_timers_spin_and_adaptive_ones_for_1_percent_only() {
    let [economical, adaptive, precise] = Accuracy::ALL.map(of_mode);
    assert_cheaper(&economical, &precise);
    assert_cheaper(&adaptive, &precise);
}

fn a_timer_has_the_mode_of_the_process_unless_it_is_given_one() {
    let open = || userspace_builder(Clock::Monotonic).open().unwrap();
    Accuracy::Precise.set_process_default();
    assert_eq!(Accuracy::process_default(), Accuracy::Precise);
    let (precise, says) = (open(), of_mode(Accuracy::Economical));
    Accuracy::Economical.set_process_default();
    let economical = open();
    assert_cheaper(&economical, &precise);
    assert_cheaper(&says, &precise);
}
