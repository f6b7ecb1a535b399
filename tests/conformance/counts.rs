//! `read`: how many expirations, never early, none lost, none twice.

use crate::support::*;
use portable_timerfd::{Backend, Clock, Timer, TimerSpec};
use std::thread;
use std::time::Duration;

crate::cases![
    a_timer_set_once_counts_one_and_then_nothing,
    nothing_expires_before_its_time,
    a_late_read_counts_every_period,
    a_thousand_seconds_ago_every_second_gives_a_thousand_and_one,
    reads_add_up_to_what_the_clock_says,
    raw_and_counted_reads_add_up_to_what_the_clock_says,
    periods_keep_their_phase_however_late_the_reads,
    an_interval_of_a_nanosecond_counts_nanoseconds,
    an_interval_of_a_nanosecond_since_the_clocks_zero_counts_all_of_it,
    the_longest_interval_ends_in_never,
    a_blocking_read_waits_for_the_expiration,
];

fn a_timer_set_once_counts_one_and_then_nothing(backend: &'static Backend) {
    let timer = open(backend);
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert!(!is_readable(&timer));
    assert_nothing_to_read(&timer);
}

fn nothing_expires_before_its_time(backend: &'static Backend) {
    for clock in clocks() {
        let timer = open_on(backend, clock);
        for round in 0..100u32 {
            let delay = Duration::from_micros(u64::from(round * 37));
            let goal = clock.now().unwrap() + delay;
            let spec = if round % 2 == 0 { TimerSpec::at(goal) } else { TimerSpec::after(delay) };
            timer.settime(&spec).unwrap();
            until_readable(&timer);
            let now = clock.now().unwrap();
            assert!(now >= goal, "{clock:?}: {:?} early", goal - now);
            assert_eq!(timer.read().unwrap(), 1);
        }
    }
}

fn a_late_read_counts_every_period(backend: &'static Backend) {
    for clock in clocks() {
        let timer = open_on(backend, clock);
        let first = clock.now().unwrap() + ms(1);
        timer.settime(&TimerSpec::at(first).every(ms(1))).unwrap();
        thread::sleep(ms(25));
        let count = assert_counts_by_the_clock(clock, first, ms(1), || timer.wait(None).unwrap());
        assert!(count >= 20);
    }
}

fn a_thousand_seconds_ago_every_second_gives_a_thousand_and_one(backend: &'static Backend) {
    let timer = open_on(backend, Clock::Realtime);
    let first = Clock::Realtime.now().unwrap() - Duration::from_millis(1_000_100);
    timer.settime(&TimerSpec::at(first).every(SECOND)).unwrap();
    until_readable(&timer);
    let count = assert_counts_by_the_clock(Clock::Realtime, first, SECOND, || timer.read().unwrap());
    assert!(count >= 1001);
    assert!(left(timer.gettime().unwrap()) <= SECOND);
}

fn reads_add_up_to_what_the_clock_says(backend: &'static Backend) {
    let timer = open(backend);
    let interval = Duration::from_micros(300);
    let first = Clock::Monotonic.now().unwrap() + interval;
    timer.settime(&TimerSpec::at(first).every(interval)).unwrap();
    let mut sum = 0;
    for round in 0..200 {
        let before = sum;
        sum = assert_counts_by_the_clock(Clock::Monotonic, first, interval, || before + timer.wait(None).unwrap());
        if round % 10 == 0 {
            thread::sleep(ms(2));
        }
    }
}

/// A raw read sees the last look of the thread; what it misses comes later. The sum, at the end, is exact.
fn raw_and_counted_reads_add_up_to_what_the_clock_says(backend: &'static Backend) {
    let timer = open(backend);
    let interval = Duration::from_micros(500);
    let first = Clock::Monotonic.now().unwrap() + interval;
    timer.settime(&TimerSpec::at(first).every(interval)).unwrap();
    let mut sum = 0;
    for round in 0..200 {
        until_readable(&timer);
        sum += if round % 3 == 0 { timer.read() } else { raw_read(&timer) }.unwrap_or(0);
        let most = expirations(first, interval, Clock::Monotonic.now().unwrap());
        assert!(sum <= most, "{sum} read, the clock says {most}");
    }
    thread::sleep(ms(1));
    assert_counts_by_the_clock(Clock::Monotonic, first, interval, || sum + timer.wait(None).unwrap());
}

fn periods_keep_their_phase_however_late_the_reads(backend: &'static Backend) {
    let timer = open(backend);
    let interval = ms(4);
    let first = Clock::Monotonic.now().unwrap() + interval;
    timer.settime(&TimerSpec::at(first).every(interval)).unwrap();
    for _ in 0..5 {
        thread::sleep(ms(3));
        timer.wait(None).unwrap();
        let before = Clock::Monotonic.now().unwrap();
        let left = left(timer.gettime().unwrap());
        let after = Clock::Monotonic.now().unwrap();
        // At some moment between the two, what was left led to a multiple of the interval.
        let [least, most] = [before, after].map(|moment| (moment + left - first).as_nanos());
        assert!(most / interval.as_nanos() * interval.as_nanos() >= least, "{least} to {most} ns");
    }
}

fn an_interval_of_a_nanosecond_since_the_clocks_zero_counts_all_of_it(backend: &'static Backend) {
    for clock in clocks() {
        let timer = open_on(backend, clock);
        let nanosecond = Duration::from_nanos(1);
        timer.settime(&TimerSpec::at(Duration::ZERO).every(nanosecond)).unwrap();
        until_readable(&timer);
        assert_counts_by_the_clock(clock, nanosecond, nanosecond, || timer.read().unwrap());
    }
}

fn the_longest_interval_ends_in_never(backend: &'static Backend) {
    let timer = open(backend);
    timer.settime(&TimerSpec::at(Duration::ZERO).every(Duration::MAX)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    let told = left(timer.gettime().unwrap());
    assert!(told >= longest(backend) - Clock::Monotonic.now().unwrap(), "{told:?}");
    assert_nothing_to_read(&timer);
}

fn an_interval_of_a_nanosecond_counts_nanoseconds(backend: &'static Backend) {
    let timer = open(backend);
    let nanosecond = Duration::from_nanos(1);
    let first = Clock::Monotonic.now().unwrap();
    timer.settime(&TimerSpec::at(first).every(nanosecond)).unwrap();
    let mut sum = 0;
    for _ in 0..20 {
        let before = sum;
        sum = assert_counts_by_the_clock(Clock::Monotonic, first, nanosecond, || before + timer.wait(None).unwrap());
        thread::sleep(ms(1));
    }
}

fn a_blocking_read_waits_for_the_expiration(backend: &'static Backend) {
    let timer = open_blocking(backend);
    for raw in [false, true] {
        let goal = Clock::Monotonic.now().unwrap() + ms(5);
        timer.arm_at(goal).unwrap();
        let count = if raw { raw_read(&timer) } else { timer.read() };
        assert_eq!(count.unwrap(), 1);
        assert!(Clock::Monotonic.now().unwrap() >= goal);
    }
}
