//! Timers with `cancel_on_set`, which report clock changes.

use crate::*;
use portable_timerfd::{Clock, TimerFd, TimerSpec};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn a_clock_step_is_reported_once_and_keeps_the_setting() {
    let _alone = alone();
    let timer = watching();
    assert!(timer.wait(Some(Duration::ZERO)).is_err());
    for secs in [5, -20] {
        step_wall_clock(secs);
        // The thread detects the change within 250 ms; no method is called.
        assert_canceled(timer.wait(None));
        assert_nothing_to_read(&timer);
    }
    assert!(left(&timer) > HOUR && left(&timer) <= HOUR + 15 * SECOND);
}

#[test]
fn several_clock_steps_are_reported_as_one() {
    let _alone = alone();
    let timer = watching();
    step_wall_clock(7);
    assert!(left(&timer) <= HOUR);
    step_wall_clock(8);
    assert_canceled(timer.wait(None));
    assert_nothing_to_read(&timer);
}

#[test]
fn every_call_sees_a_clock_step_at_once() {
    let _alone = alone();
    let timer = watching();
    step_wall_clock(5);
    assert_canceled(timer.read());
    step_wall_clock(5);
    timer.get().unwrap();
    assert_canceled(timer.wait(Some(Duration::ZERO)));
    let late = open();
    late.set(&TimerSpec::at(now() + HOUR)).unwrap();
    step_wall_clock(2 * 3600);
    assert_eq!(late.get().unwrap(), TimerSpec::disarmed());
    assert_eq!(late.wait(Some(Duration::ZERO)).unwrap(), 1);
}

/// Asserts that a blocked reader gets `ECANCELED` for a clock change in `meanwhile`.
#[track_caller]
fn assert_ecanceled_while_waiting(timer: &TimerFd, meanwhile: impl FnOnce()) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| timer.read());
        // The reader blocks by now, or it begins to read after the clock change. Both reads must
        // fail.
        thread::sleep(Duration::from_millis(20));
        meanwhile();
        assert_canceled(reader.join().unwrap());
    });
}

#[test]
fn a_blocked_read_fails_with_ecanceled() {
    let _alone = alone();
    let timer = open_blocking();
    timer.set(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    assert_ecanceled_while_waiting(&timer, || step_wall_clock(5));
}

#[test]
fn reporting_a_clock_step_disarms_an_expired_timer() {
    let _alone = alone();
    let timer = open();
    timer.set(&TimerSpec::at(now()).every(HOUR).cancel_on_set()).unwrap();
    step_wall_clock(5);
    assert_canceled(timer.read());
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR));
}

#[test]
fn settime_reports_a_clock_step_and_still_arms() {
    let _alone = alone();
    for past in [false, true] {
        let timer = watching();
        step_wall_clock(5);
        let time = if past { now() } else { now() + Duration::from_millis(5) };
        assert_canceled(timer.replace(&TimerSpec::at(time).cancel_on_set()));
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
    let timer = watching();
    step_wall_clock(5);
    assert_canceled(timer.set(&TimerSpec::at(now() + HOUR).cancel_on_set()));
    timer.get().unwrap();
    assert!(!is_readable(&timer), "the step was reported");
    assert_nothing_to_read(&timer);
}

#[test]
fn a_setting_without_cancel_on_set_forgets_a_clock_step() {
    let _alone = alone();
    let timer = watching();
    step_wall_clock(5);
    timer.arm_at(now() + HOUR).unwrap();
    assert_nothing_to_read(&timer);
    timer.set(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    assert_nothing_to_read(&timer);
}

#[test]
fn a_disarmed_timer_with_cancel_on_set_reports_clock_steps() {
    let _alone = alone();
    let timer = watching();
    step_wall_clock(5);
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    assert_canceled(timer.read());
    assert_nothing_to_read(&timer);
    step_wall_clock(5);
    assert_canceled(timer.wait(None));
}

#[test]
fn an_earlier_clock_step_is_not_reported() {
    let _alone = alone();
    let timer = open();
    step_wall_clock(5);
    timer.set(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
    assert_nothing_to_read(&timer);
}

#[test]
fn a_blocked_read_that_gets_ecanceled_leaves_the_timer_disarmed() {
    let _alone = alone();
    let timer = open_blocking();
    timer.set(&TimerSpec::at(now() + HOUR).every(HOUR).cancel_on_set()).unwrap();
    assert_ecanceled_while_waiting(&timer, || step_wall_clock(5400));
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR));
}

#[test]
fn gettime_after_an_expiration_keeps_the_timer_armed_on_ecanceled() {
    let _alone = alone();
    let timer = open();
    timer.set(&TimerSpec::at(now()).every(HOUR).cancel_on_set()).unwrap();
    timer.get().unwrap();
    step_wall_clock(5);
    assert_canceled(timer.read());
    assert!(left(&timer) > HOUR / 2);
}

#[test]
fn a_raw_read_of_a_canceled_timer_returns_a_count() {
    let _alone = alone();
    let timer = watching();
    step_wall_clock(5);
    until_readable(&timer);
    assert_eq!(raw_read(&timer).unwrap(), 1);
    assert_canceled(timer.read());
    assert!(left(&timer) <= HOUR);
}

#[test]
fn a_read_after_an_expiration_keeps_the_timer_armed_on_ecanceled() {
    let _alone = alone();
    for raw in [false, true] {
        let timer = open();
        timer.set(&TimerSpec::at(now()).every(HOUR).cancel_on_set()).unwrap();
        assert_eq!(if raw { raw_read(&timer).unwrap() } else { timer.read().unwrap() }, 1);
        step_wall_clock(5);
        assert_canceled(timer.read());
        assert!(left(&timer) > HOUR / 2);
    }
}

#[test]
fn a_reader_that_blocked_before_the_setting_gets_ecanceled() {
    let _alone = alone();
    let timer = open_blocking();
    for before in [TimerSpec::disarmed(), TimerSpec::after(2 * HOUR)] {
        timer.set(&before).unwrap();
        assert_ecanceled_while_waiting(&timer, || {
            timer.set(&TimerSpec::at(now() + HOUR).cancel_on_set()).unwrap();
            step_wall_clock(5);
        });
    }
}

/// All readers share one cancellation. A reader may already have its message when another reader
/// reports it.
#[test]
fn no_reader_counts_a_clock_step_as_an_expiration() {
    let _alone = alone();
    let timer = open_blocking();
    timer.set(&TimerSpec::at(now() + 1000 * HOUR).cancel_on_set()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = [(); 3].map(|()| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    assert_canceled(timer.read());
                }
            })
        });
        for _ in 0..2_000 {
            step_wall_clock(1);
            timer.get().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        while !readers.iter().all(|reader| reader.is_finished()) {
            step_wall_clock(1);
            timer.get().unwrap();
        }
    });
}

/// A cancellation is not a period that a step back rolls back.
#[test]
fn a_step_back_keeps_a_pending_ecanceled() {
    let _alone = alone();
    let timer = open();
    timer.set(&TimerSpec::at(now() - MINUTE).every(HOUR).cancel_on_set()).unwrap();
    assert_eq!(raw_read(&timer).unwrap(), 1);
    step_wall_clock(-3 * 60);
    assert!(left(&timer) > HOUR, "the period that was read stays so");
    assert!(is_readable(&timer), "get keeps the cancellation");
    assert_canceled(timer.read());
    assert!(left(&timer) > HOUR);
}

#[test]
fn cancel_on_set_wakes_a_thread_that_sleeps_long() {
    let _alone = alone();
    let far = open_on(Clock::Monotonic);
    far.arm_after(HOUR).unwrap();
    // By now the thread should be in its long sleep, after its last short one. Otherwise this
    // proves less.
    thread::sleep(Duration::from_millis(400));
    let timer = open();
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    step_wall_clock(5);
    until_readable(&timer);
    assert_canceled(timer.read());
}
