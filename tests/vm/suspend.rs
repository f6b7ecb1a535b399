//! Timers and the time of a suspend.

use crate::support::*;
use crate::suspended::{Alarm, Case, Check};
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, CreateFlags, TimerSpec};
use std::thread;
use std::time::Duration;

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub const CASES: &[Case] = &[$((stringify!($case), $case)),*];
    };
}

cases![
    boottime_and_absolute_wall_clock_times_count_a_suspend,
    monotonic_and_relative_wall_clock_times_do_not_count_a_suspend,
    a_suspend_is_reported_as_a_clock_step,
    a_blocked_reader_keeps_waiting_through_a_suspend,
    alarm_clocks_wake_a_suspended_system,
    capabilities_say_which_clocks_count_a_suspend,
];

fn boottime_and_absolute_wall_clock_times_count_a_suspend(backend: &TestBackend, _: &Alarm) -> Check {
    let backend = backend.clone();
    const INTERVAL: Duration = Duration::from_millis(50);
    const AHEAD: Duration = Duration::from_millis(200);
    let timers = [Clock::Boottime, Clock::Realtime].map(|clock| {
        let timer = backend.open_on(clock);
        let first = backend.now(clock) + AHEAD;
        timer.set(&TimerSpec::at(first).every(INTERVAL)).unwrap();
        (timer, clock, first)
    });
    let relative = backend.open_on(Clock::Boottime);
    relative.arm_after(SECOND / 2).unwrap();
    Box::new(move |slept| {
        // Since then only the thread has processed the userspace timer.
        until_readable(&relative);
        assert_eq!(relative.read().unwrap(), 1);
        for (timer, clock, first) in timers {
            let count = backend.assert_counts(clock, first, INTERVAL, || backend.wait(&timer).unwrap());
            let asleep = slept.long - AHEAD;
            assert!(u128::from(count) >= asleep.as_millis() / INTERVAL.as_millis(), "{count}");
        }
    })
}

fn monotonic_and_relative_wall_clock_times_do_not_count_a_suspend(backend: &TestBackend, _: &Alarm) -> Check {
    let backend = backend.clone();
    let before = backend.now(Clock::Monotonic);
    let timers = [Clock::Monotonic, Clock::Realtime].map(|clock| {
        let timer = backend.open_on(clock);
        timer.arm_after(HOUR).unwrap();
        timer
    });
    Box::new(move |_| {
        for timer in timers {
            let left = left(&timer);
            assert!(
                left >= HOUR - backend.now(Clock::Monotonic).saturating_duration_since(before),
                "{:?}: {left:?}",
                timer.clock()
            );
        }
    })
}

fn a_suspend_is_reported_as_a_clock_step(backend: &TestBackend, _: &Alarm) -> Check {
    let timer = watching(backend);
    Box::new(move |slept| {
        until_readable(&timer);
        assert_canceled(timer.read());
        assert_nothing_to_read(&timer);
        assert!(left(&timer) <= HOUR - slept.long);
    })
}

fn a_blocked_reader_keeps_waiting_through_a_suspend(backend: &TestBackend, _: &Alarm) -> Check {
    let backend = backend.clone();
    let time = backend.now(Clock::Boottime) + 3 * SECOND;
    let waiters = [false, true].map(|nonblocking| {
        let timer = backend.open(Clock::Boottime, CreateFlags::new().nonblocking(nonblocking)).unwrap();
        timer.arm_at(time).unwrap();
        let backend = backend.clone();
        thread::spawn(move || {
            let count = if nonblocking { timer.wait(None) } else { timer.read() };
            (count.unwrap(), backend.now(Clock::Boottime))
        })
    });
    Box::new(move |_| {
        for waiter in waiters {
            let (count, at) = waiter.join().unwrap();
            assert!(count == 1 && at >= time, "{count} at {at:?}, not {time:?}");
        }
    })
}

/// A kernel timer wakes the machine, and a simulated one wakes the simulated machine. A userspace
/// timer cannot: it is due three seconds before the alarm, and expires when the machine is awake.
fn alarm_clocks_wake_a_suspended_system(backend: &TestBackend, alarm: &Alarm) -> Check {
    let backend = backend.clone();
    let timer = backend.open_on(alarm.clock);
    let wakes = backend.inner.capabilities(alarm.clock).unwrap().wakes_system;
    assert_eq!(wakes, backend.name() != "userspace");
    let (clock, time) = (alarm.clock, if wakes { alarm.time } else { alarm.time - 3 * SECOND });
    timer.arm_at(time).unwrap();
    Box::new(move |slept| {
        // The hardware alarm and the length of the sleep have a resolution of one second.
        assert!(wakes || slept.until > time + SECOND, "{:?}, {time:?}", slept.until);
        until_readable(&timer);
        assert!(backend.now(clock) >= time);
        assert_eq!(timer.read().unwrap(), 1);
    })
}

fn capabilities_say_which_clocks_count_a_suspend(backend: &TestBackend, _: &Alarm) -> Check {
    let backend = backend.clone();
    let far = |clock: Clock| {
        let timer = backend.open_on(clock);
        timer.arm_at(backend.now(clock) + HOUR).unwrap();
        timer
    };
    let begun = backend.now(Clock::Monotonic);
    let timers: Vec<_> = Clock::ALL.iter().copied().map(far).collect();
    Box::new(move |slept| {
        for timer in timers {
            let awake = backend.now(Clock::Monotonic).saturating_duration_since(begun);
            let passed = HOUR - left(&timer);
            let counts = backend.inner.capabilities(timer.clock()).unwrap().counts_suspend.unwrap();
            // The wall clock is set from a hardware clock with a resolution of one second.
            assert_eq!(counts, passed + SECOND >= awake + slept.long, "{:?}: {passed:?}", timer.clock());
        }
    })
}
