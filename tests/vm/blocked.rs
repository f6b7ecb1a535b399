//! How a clock step reaches blocked readers, pollers and raw reads.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::poll::PollTimeout;
use portable_timerfd::{Clock, TimerSpec};
use std::thread;
use std::time::Duration;

crate::cases![
    a_blocked_reader_gets_ecanceled,
    a_blocked_reader_gets_ecanceled_for_a_later_setting,
    a_blocked_reader_that_gets_ecanceled_leaves_the_timer_disarmed,
    a_poller_reports_a_clock_step,
    a_raw_read_of_a_canceled_timer,
    a_step_back_keeps_a_pending_ecanceled,
    one_of_several_blocked_readers_gets_ecanceled,
];

fn a_blocked_reader_gets_ecanceled(backend: &TestBackend) {
    for secs in [5, -5] {
        let timer = open_blocking(backend);
        timer.set(&in_an_hour(backend)).unwrap();
        assert_ecanceled_while_waiting(backend, &timer, || backend.step_wall_clock(secs));
        assert!(left(&timer) > HOUR / 2);
    }
}

fn a_blocked_reader_gets_ecanceled_for_a_later_setting(backend: &TestBackend) {
    let timer = open_blocking(backend);
    for before in [TimerSpec::disarmed(), TimerSpec::after(2 * HOUR)] {
        timer.set(&before).unwrap();
        assert_ecanceled_while_waiting(backend, &timer, || {
            timer.set(&in_an_hour(backend)).unwrap();
            backend.step_wall_clock(5);
        });
    }
}

/// The timer expires by the same step that cancels it; on Linux some microseconds later, or before.
fn a_blocked_reader_that_gets_ecanceled_leaves_the_timer_disarmed(backend: &TestBackend) {
    let timer = open_blocking(backend);
    timer.set(&in_an_hour(backend).every(HOUR)).unwrap();
    assert_ecanceled_while_waiting(backend, &timer, || backend.step_wall_clock(5400));
    if !backend.is_kernel() {
        assert_eq!(timer.get().unwrap(), TimerSpec::disarmed().every(HOUR));
    }
}

fn a_poller_reports_a_clock_step(backend: &TestBackend) {
    let timer = watching(backend);
    thread::scope(|scope| {
        let poller = scope.spawn(|| until_readable(&timer));
        backend.pass(Duration::from_millis(20));
        backend.step_wall_clock(-5);
        poller.join().unwrap();
    });
    assert_canceled(timer.read());
}

/// A read of a pipe cannot fail in this way: it returns a count, and `read` still reports the clock
/// step.
fn a_raw_read_of_a_canceled_timer(backend: &TestBackend) {
    let timer = watching(backend);
    backend.step_wall_clock(5);
    until_readable(&timer);
    if backend.is_kernel() {
        assert_canceled(raw_read(&timer));
        assert_nothing_to_read(&timer);
    } else {
        assert_eq!(raw_read(&timer).unwrap(), 1);
        assert_canceled(timer.read());
    }
    assert!(left(&timer) <= HOUR);
}

/// A cancellation is not a period that a step back rolls back.
fn a_step_back_keeps_a_pending_ecanceled(backend: &TestBackend) {
    let timer = open(backend);
    timer.set(&TimerSpec::at(backend.now(Clock::Realtime) - MINUTE).every(HOUR).cancel_on_set()).unwrap();
    until_readable(&timer);
    assert_eq!(raw_read(&timer).unwrap(), 1);
    backend.step_wall_clock(-3 * 60);
    assert!(left(&timer) > HOUR, "the period that was read stays so");
    assert!(is_readable(&timer), "get keeps the cancellation");
    assert_canceled(timer.read());
    assert!(left(&timer) > HOUR);
}

/// The other readers stay blocked, until the next step or for ever.
fn one_of_several_blocked_readers_gets_ecanceled(backend: &TestBackend) {
    let timer = open_blocking(backend);
    timer.set(&in_an_hour(backend)).unwrap();
    thread::scope(|scope| {
        let readers = [(); 3].map(|()| scope.spawn(|| assert_canceled(timer.read())));
        let done = || readers.iter().filter(|reader| reader.is_finished()).count();
        backend.pass(Duration::from_millis(20));
        for told in 1..=readers.len() {
            backend.step_wall_clock(1);
            while done() < told {
                polled(&timer, PollTimeout::from(5u8));
            }
            backend.pass(Duration::from_millis(20));
            assert_eq!(done(), told);
        }
    });
}
