//! `read`: the number of expirations, never early, none lost, none counted twice.

use crate::support::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, ClockTime, TimerSpec};
use std::time::Duration;

crate::cases![
    a_one_shot_timer_expires_exactly_once,
    nothing_expires_before_its_time,
    a_late_read_counts_every_period,
    a_thousand_seconds_ago_every_second_gives_a_thousand_and_one,
    reads_add_up_to_the_elapsed_periods,
    raw_reads_and_read_calls_add_up_to_the_elapsed_periods,
    a_raw_read_of_a_long_unread_count_never_exceeds_the_elapsed_periods,
    periods_keep_their_phase_however_late_the_reads,
    an_interval_of_a_nanosecond_counts_nanoseconds,
    an_interval_of_a_nanosecond_since_the_clocks_zero_counts_all_of_it,
    the_longest_interval_ends_in_never,
    a_blocking_read_waits_for_the_expiration,
];

fn a_one_shot_timer_expires_exactly_once(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(backend.wait(&timer).unwrap(), 1);
    assert!(!is_readable(&timer));
    assert_nothing_to_read(&timer);
}

fn nothing_expires_before_its_time(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        for round in 0..100u32 {
            let delay = Duration::from_micros(u64::from(round * 37));
            let goal = backend.now(clock) + delay;
            let spec = if round % 2 == 0 { TimerSpec::at(goal) } else { TimerSpec::after(delay) };
            timer.set(&spec).unwrap();
            backend.until_readable(&timer);
            let now = backend.now(clock);
            assert!(now >= goal, "{clock:?}: {:?} early", goal.saturating_duration_since(now));
            assert_eq!(timer.read().unwrap(), 1);
        }
    }
}

fn a_late_read_counts_every_period(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        let first = backend.now(clock) + ms(1);
        timer.set(&TimerSpec::at(first).every(ms(1))).unwrap();
        backend.pass(ms(25));
        let count = backend.assert_counts(clock, first, ms(1), || backend.wait(&timer).unwrap());
        assert!(count >= 20);
    }
}

fn a_thousand_seconds_ago_every_second_gives_a_thousand_and_one(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Realtime);
    let first = backend.now(Clock::Realtime) - Duration::from_millis(1_000_100);
    timer.set(&TimerSpec::at(first).every(SECOND)).unwrap();
    backend.until_readable(&timer);
    let count = backend.assert_counts(Clock::Realtime, first, SECOND, || timer.read().unwrap());
    assert!(count >= 1001);
    assert!(left(timer.get().unwrap()) <= SECOND);
}

fn reads_add_up_to_the_elapsed_periods(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let interval = Duration::from_micros(300);
    let first = backend.now(Clock::Monotonic) + interval;
    timer.set(&TimerSpec::at(first).every(interval)).unwrap();
    let mut sum = 0;
    for round in 0..200 {
        let before = sum;
        sum = backend.assert_counts(Clock::Monotonic, first, interval, || before + backend.wait(&timer).unwrap());
        if round % 10 == 0 {
            backend.pass(ms(2));
        }
    }
}

/// A raw read sees what the thread has written last; later reads return the rest. The final sum is
/// exact.
fn raw_reads_and_read_calls_add_up_to_the_elapsed_periods(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let interval = Duration::from_micros(500);
    let first = backend.now(Clock::Monotonic) + interval;
    timer.set(&TimerSpec::at(first).every(interval)).unwrap();
    let mut sum = 0;
    for round in 0..200 {
        backend.until_readable(&timer);
        sum += if round % 3 == 0 { timer.read() } else { raw_read(&timer) }.unwrap_or(0);
        let most = expirations(first, interval, backend.now(Clock::Monotonic));
        assert!(sum <= most, "{sum} read, the clock says {most}");
    }
    backend.pass(ms(1));
    backend.assert_counts(Clock::Monotonic, first, interval, || sum + backend.wait(&timer).unwrap());
}

/// The count stays unread for so long that the `userspace` backend refreshes it ever more rarely.
fn a_raw_read_of_a_long_unread_count_never_exceeds_the_elapsed_periods(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let first = backend.now(Clock::Monotonic) + ms(1);
    timer.set(&TimerSpec::at(first).every(ms(1))).unwrap();
    let mut sum = 0;
    for pause in [ms(10), ms(40), ms(100)] {
        backend.pass(pause);
        // At a refresh, the timer is unreadable for a moment.
        sum += raw_read(&timer).unwrap_or(0);
        let most = expirations(first, ms(1), backend.now(Clock::Monotonic));
        assert!(sum <= most, "{sum} read, the clock says {most}");
        sum = backend.assert_counts(Clock::Monotonic, first, ms(1), || sum + backend.wait(&timer).unwrap());
    }
}

fn periods_keep_their_phase_however_late_the_reads(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let interval = ms(4);
    let first = backend.now(Clock::Monotonic) + interval;
    timer.set(&TimerSpec::at(first).every(interval)).unwrap();
    for _ in 0..5 {
        backend.pass(ms(3));
        backend.wait(&timer).unwrap();
        let before = backend.now(Clock::Monotonic);
        let left = left(timer.get().unwrap());
        let after = backend.now(Clock::Monotonic);
        // At some moment between the two readings, the remaining time led to a multiple of the
        // interval.
        let [least, most] =
            [before, after].map(|moment| (moment + left).checked_duration_since(first).unwrap().as_nanos());
        assert!(most / interval.as_nanos() * interval.as_nanos() >= least, "{least} to {most} ns");
    }
}

fn an_interval_of_a_nanosecond_since_the_clocks_zero_counts_all_of_it(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        let (zero, nanosecond) = (ClockTime::new(clock, Duration::ZERO), Duration::from_nanos(1));
        timer.set(&TimerSpec::at(zero).every(nanosecond)).unwrap();
        backend.until_readable(&timer);
        backend.assert_counts(clock, zero + nanosecond, nanosecond, || timer.read().unwrap());
    }
}

fn the_longest_interval_ends_in_never(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let zero = ClockTime::new(Clock::Monotonic, Duration::ZERO);
    timer.set(&TimerSpec::at(zero).every(Duration::MAX)).unwrap();
    assert_eq!(backend.wait(&timer).unwrap(), 1);
    let reported = left(timer.get().unwrap());
    assert!(reported >= longest(backend.inner) - backend.now(Clock::Monotonic).since_zero(), "{reported:?}");
    assert_nothing_to_read(&timer);
}

fn an_interval_of_a_nanosecond_counts_nanoseconds(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let nanosecond = Duration::from_nanos(1);
    let first = backend.now(Clock::Monotonic);
    timer.set(&TimerSpec::at(first).every(nanosecond)).unwrap();
    let mut sum = 0;
    for _ in 0..20 {
        let before = sum;
        sum = backend.assert_counts(Clock::Monotonic, first, nanosecond, || before + backend.wait(&timer).unwrap());
        backend.pass(ms(1));
    }
}

fn a_blocking_read_waits_for_the_expiration(backend: &TestBackend) {
    let timer = backend.open_blocking(Clock::Monotonic);
    for raw in [false, true] {
        let goal = backend.now(Clock::Monotonic) + ms(5);
        timer.arm_at(goal).unwrap();
        let count = backend.while_time_passes(|| if raw { raw_read(&timer) } else { timer.read() });
        assert_eq!(count.unwrap(), 1);
        assert!(backend.now(Clock::Monotonic) >= goal);
    }
}
