//! The accuracy modes: their cost, and that no mode is early.

use crate::common::{assert_errno, polled, raw_read, userspace_builder};
use crate::forks::in_a_child;
use crate::usage::cpu_time;
use nix::libc::EBUSY;
use nix::poll::PollTimeout;
use portable_timerfd::{Accuracy, Clock, ClockTime, TimerFd};
use std::process::Command;
use std::time::Duration;

crate::cases![
    userspace:
        no_mode_is_early,
        an_earlier_time_expires_first_while_the_thread_spins,
        precise_timers_spin_and_adaptive_ones_for_1_percent_only,
        a_timer_has_the_mode_of_the_process_unless_it_is_given_one,
        the_mode_of_the_process_is_set_once,
        the_mode_of_the_process_is_not_set_after_the_first_timer,
        a_forked_child_keeps_the_mode_of_the_process;
];

fn of_mode(mode: Accuracy) -> TimerFd {
    userspace_builder(Clock::Monotonic).accuracy(mode).open().unwrap()
}

fn now() -> ClockTime {
    Clock::Monotonic.now().unwrap()
}

fn no_mode_is_early() {
    for &mode in Accuracy::ALL {
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
    for (spun_for, other) in Accuracy::ALL.iter().flat_map(|&a| Accuracy::ALL.iter().map(move |&b| (a, b))) {
        let (late, early) = (of_mode(spun_for), of_mode(other));
        for before in 0..100 {
            let due = now() + Duration::from_micros(300);
            late.arm_at(due).unwrap();
            while now() + Duration::from_micros(before) < due {}
            early.arm_at(now() + due.saturating_duration_since(now()) / 2).unwrap();
            polled(&early, PollTimeout::NONE);
            assert!(early.read().is_ok() && late.wait(None).is_ok(), "{spun_for:?}, {other:?}");
        }
    }
}

/// Returns the CPU time of the process for five hundred expirations, 200 µs apart, each of which is
/// read.
fn of_ticks(timer: &TimerFd) -> Duration {
    timer.arm_every(Duration::from_micros(200)).unwrap();
    timer.wait(None).unwrap();
    let before = cpu_time();
    let mut ticks = 0;
    while ticks < 500 {
        ticks += timer.wait(None).unwrap();
    }
    let took = cpu_time() - before;
    timer.disarm().unwrap();
    took
}

/// A timer with spins costs at least 100 µs per expiration. The wake-up, the work and the reading
/// thread take a fraction of that. Other programs can preempt a spinning thread and slow down the
/// others' work, so this may take several tries.
fn assert_cheaper(cheap: &TimerFd, expensive: &TimerFd) {
    let shows = |_| of_ticks(cheap) * 3 < of_ticks(expensive) * 2;
    assert!((0..100).any(shows));
}

fn precise_timers_spin_and_adaptive_ones_for_1_percent_only() {
    let [economical, adaptive, precise] = [Accuracy::Economical, Accuracy::Adaptive, Accuracy::Precise].map(of_mode);
    assert_cheaper(&economical, &precise);
    assert_cheaper(&adaptive, &precise);
}

fn open() -> TimerFd {
    userspace_builder(Clock::Monotonic).open().unwrap()
}

fn a_timer_has_the_mode_of_the_process_unless_it_is_given_one() {
    without_a_mode_from_outside(|| {
        // A process has one mode, so each mode is set in another process.
        in_a_child((), |()| {
            Accuracy::Precise.set_for_process().unwrap();
            let (precise, says) = (open(), of_mode(Accuracy::Economical));
            assert_cheaper(&says, &precise);
            true
        });
        Accuracy::Economical.set_for_process().unwrap();
        let (economical, says) = (open(), of_mode(Accuracy::Precise));
        assert_cheaper(&economical, &says);
    });
}

#[track_caller]
fn assert_mode_is_fixed(mode: Accuracy) {
    for &other in Accuracy::ALL {
        assert_errno(other.set_for_process(), EBUSY);
        assert_eq!(Accuracy::of_process(), mode);
    }
}

fn the_mode_of_the_process_is_set_once() {
    without_a_mode_from_outside(|| {
        assert_eq!(Accuracy::of_process(), Accuracy::Adaptive);
        Accuracy::Precise.set_for_process().unwrap();
        assert_mode_is_fixed(Accuracy::Precise);
        drop(open());
        assert_mode_is_fixed(Accuracy::Precise);
    });
}

/// A mode given to a timer is not the mode of the process.
fn the_mode_of_the_process_is_not_set_after_the_first_timer() {
    without_a_mode_from_outside(|| {
        drop(of_mode(Accuracy::Economical));
        assert_mode_is_fixed(Accuracy::Adaptive);
    });
}

fn a_forked_child_keeps_the_mode_of_the_process() {
    without_a_mode_from_outside(|| {
        // It is kept whether or not the parent has made a timer.
        Accuracy::Economical.set_for_process().unwrap();
        for _ in 0..2 {
            in_a_child((), |()| {
                assert_mode_is_fixed(Accuracy::Economical);
                assert_cheaper(&open(), &of_mode(Accuracy::Precise));
                true
            });
            drop(open());
        }
    });
}

/// Runs the check in a process whose mode was not set. If `ACCURACY` has set it, that is another
/// process, which runs this case again.
fn without_a_mode_from_outside(check: fn()) {
    const VARIABLE: &str = "ACCURACY";
    if std::env::var_os(VARIABLE).is_none() {
        return check();
    }
    let again = Command::new(std::env::current_exe().unwrap()).env_remove(VARIABLE).status();
    assert!(again.unwrap().success());
}
