//! `set`, `replace` and `get`: the setting, the remaining time, and discarded expirations.

use crate::support::*;
use crate::test_backend::TestBackend;
use portable_timerfd::{Clock, ClockMismatch, ClockTime, CreateFlags, Initial, TimerSpec};
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

crate::cases![
    a_fresh_timer_is_disarmed_and_not_readable,
    replace_returns_the_remaining_time_of_the_old_setting,
    set_works_like_replace_and_returns_nothing,
    gettime_returns_a_relative_time_for_an_absolute_setting,
    disarming_keeps_the_interval_for_gettime_to_report,
    disarming_discards_unread_expirations,
    settime_discards_unread_expirations,
    zero_and_past_times_expire_at_once,
    duration_max_means_never_on_every_clock,
    a_timer_that_expired_once_reports_disarmed,
    an_armed_periodic_timer_reports_a_remaining_time,
    gettime_reports_the_setting_of_another_thread,
    an_unread_periodic_timer_reports_the_next_period,
    no_expiration_of_the_old_setting_appears_after_settime,
    arming_every_zero_is_an_error_that_changes_nothing,
    a_deadline_can_be_moved_earlier_or_later,
    a_restored_setting_continues_where_it_was,
    a_new_setting_may_run_by_another_clock_than_the_old,
    alarm_clocks_show_the_time_of_their_base_clocks,
    cancel_on_set_is_ignored_where_it_has_no_meaning,
    a_timer_reports_the_time_of_its_clock,
    a_time_of_another_clock_is_refused_and_changes_nothing,
    an_alarm_clock_takes_the_times_of_the_clock_that_it_is_named_after,
];

fn a_fresh_timer_is_disarmed_and_not_readable(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
        assert!(!is_readable(&timer));
        assert_nothing_to_read(&timer);
    }
}

fn replace_returns_the_remaining_time_of_the_old_setting(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    assert_eq!(timer.replace(&TimerSpec::after(HOUR).every(SECOND)).unwrap(), TimerSpec::disarmed());
    let old = timer.replace(&TimerSpec::after(2 * HOUR)).unwrap();
    assert_eq!(old.interval(), SECOND);
    assert!(left(old) <= HOUR && left(old) > HOUR - 60 * SECOND);
    assert!(left(timer.replace(&TimerSpec::disarmed()).unwrap()) > HOUR);
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
}

fn set_works_like_replace_and_returns_nothing(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.set(&TimerSpec::after(HOUR).every(SECOND)).unwrap();
    let now = timer.get().unwrap();
    assert_eq!(now.interval(), SECOND);
    assert!(left(now) <= HOUR && left(now) > HOUR - 60 * SECOND);
    let past = ClockTime::new(Clock::Monotonic, Duration::ZERO);
    timer.set(&TimerSpec::at(past)).unwrap();
    assert_eq!(backend.wait(&timer).unwrap(), 1);
    timer.set(&TimerSpec::at(past)).unwrap();
    timer.set(&TimerSpec::disarmed()).unwrap();
    assert_nothing_to_read(&timer);
}

fn gettime_returns_a_relative_time_for_an_absolute_setting(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        let goal = backend.now(clock) + HOUR;
        timer.set(&TimerSpec::at(goal).every(ms(20))).unwrap();
        let most = goal.saturating_duration_since(backend.now(clock));
        let reported = timer.get().unwrap();
        let least = goal.saturating_duration_since(backend.now(clock));
        assert!((least..=most).contains(&left(reported)), "{clock:?}: {reported:?}");
        assert_eq!(reported.interval(), ms(20));
    }
}

fn disarming_keeps_the_interval_for_gettime_to_report(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.set(&TimerSpec::disarmed().every(ms(20))).unwrap();
    let reported = timer.get().unwrap();
    assert_eq!((reported.initial(), reported.interval()), (Initial::Disarmed, ms(20)));
    assert!(!is_readable(&timer));
}

fn disarming_discards_unread_expirations(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_every(ms(1)).unwrap();
    backend.until_readable(&timer);
    timer.disarm().unwrap();
    assert!(!is_readable(&timer));
    assert_nothing_to_read(&timer);
}

fn settime_discards_unread_expirations(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_after(Duration::ZERO).unwrap();
    backend.until_readable(&timer);
    timer.arm_after(HOUR).unwrap();
    assert!(!is_readable(&timer));
    assert_nothing_to_read(&timer);
}

fn zero_and_past_times_expire_at_once(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        let now = backend.now(clock).since_zero();
        for past in [Duration::ZERO, Duration::from_nanos(1), now / 2, now] {
            timer.arm_at(ClockTime::new(clock, past)).unwrap();
            assert_eq!(backend.wait(&timer).unwrap(), 1);
        }
        timer.arm_after(Duration::ZERO).unwrap();
        assert_eq!(backend.wait(&timer).unwrap(), 1);
    }
}

fn duration_max_means_never_on_every_clock(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        let end = ClockTime::new(clock, Duration::MAX);
        for never in [TimerSpec::after(Duration::MAX), TimerSpec::at(end)] {
            timer.set(&never.every(Duration::MAX)).unwrap();
            let reported = timer.get().unwrap();
            // A relative time is that far from now, if the scale is long enough; otherwise from the
            // clock's zero.
            let least = longest(backend.inner).saturating_sub(backend.now(clock).since_zero());
            assert!(left(reported) >= least, "{clock:?}: {reported:?}");
            assert_eq!(reported.interval(), longest(backend.inner));
            assert!(!is_readable(&timer));
        }
    }
}

fn a_timer_that_expired_once_reports_disarmed(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_after(ms(1)).unwrap();
    backend.until_readable(&timer);
    assert_eq!(timer.get().unwrap(), TimerSpec::disarmed());
    assert!(is_readable(&timer), "asking reads nothing");
    assert_eq!(timer.read().unwrap(), 1);
}

fn an_unread_periodic_timer_reports_the_next_period(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_every(ms(3)).unwrap();
    backend.until_readable(&timer);
    for _ in 0..50 {
        let reported = left(timer.get().unwrap());
        assert!(reported > Duration::ZERO && reported <= ms(3), "{reported:?}");
    }
    assert!(timer.read().unwrap() >= 1);
}

/// Between the expiration and its interrupt, Linux reports no remaining time.
fn an_armed_periodic_timer_reports_a_remaining_time(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let interval = Duration::from_micros(50);
    timer.arm_every(interval).unwrap();
    let mut seen = 0;
    while seen < 2_000 {
        let mut reported = timer.get().unwrap();
        while !reported.is_armed() {
            reported = timer.get().unwrap();
        }
        assert!(left(reported) <= interval);
        backend.pass_a_moment();
        seen += timer.read().unwrap_or(0);
    }
}

fn gettime_reports_the_setting_of_another_thread(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    for round in 0..2_000 {
        timer.arm_every(HOUR).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| timer.arm_every(2 * HOUR).unwrap());
            timer.set(&TimerSpec::disarmed().every(HOUR)).unwrap();
        });
        let reported = timer.get().unwrap();
        assert_eq!(reported.is_armed(), reported.interval() == 2 * HOUR, "round {round}: {reported:?}");
    }
}

fn no_expiration_of_the_old_setting_appears_after_settime(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    for round in 0..2_000 {
        timer.arm_after(Duration::from_micros(round % 100)).unwrap();
        backend.pass_a_moment();
        timer.arm_after(HOUR).unwrap();
        assert!(!is_readable(&timer), "round {round}");
        assert_nothing_to_read(&timer);
    }
}

fn arming_every_zero_is_an_error_that_changes_nothing(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.arm_after(Duration::ZERO).unwrap();
    backend.until_readable(&timer);
    assert_errno(timer.arm_every(Duration::ZERO), nix::libc::EINVAL);
    assert_eq!(timer.read().unwrap(), 1);
}

fn a_deadline_can_be_moved_earlier_or_later(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    let clock = timer.clock();
    for delays in [[HOUR, ms(2)], [ms(2), ms(6)]] {
        let mut goal = backend.now(clock);
        for delay in delays {
            goal = backend.now(clock) + delay;
            timer.arm_after(delay).unwrap();
        }
        assert_eq!(backend.wait(&timer).unwrap(), 1);
        assert!(backend.now(clock) >= goal);
    }
}

fn a_restored_setting_continues_where_it_was(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    timer.set(&TimerSpec::after(HOUR).every(SECOND)).unwrap();
    let old = timer.replace(&TimerSpec::disarmed()).unwrap();
    timer.set(&old).unwrap();
    let reported = timer.get().unwrap();
    assert_eq!(reported.interval(), SECOND);
    assert!(left(reported) <= left(old) && left(reported) > HOUR - 60 * SECOND);
}

/// A relative setting of the wall clock runs on the monotonic clock.
fn a_new_setting_may_run_by_another_clock_than_the_old(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Realtime);
    let at = |delay| TimerSpec::at(backend.now(Clock::Realtime) + delay);
    for round in 0..10 {
        let first = if round % 2 == 0 { HOUR } else { ms(1) };
        for relative in [true, false] {
            let spec = |is_relative, delay| if is_relative { TimerSpec::after(delay) } else { at(delay) };
            timer.set(&spec(relative, first)).unwrap();
            timer.set(&spec(!relative, ms(2))).unwrap();
            // Only the poller waits; no method is called.
            backend.until_readable(&timer);
            assert_eq!(timer.read().unwrap(), 1);
        }
    }
}

/// Tests the clocks that this process may set. `tests/process` tests a process that may not.
fn alarm_clocks_show_the_time_of_their_base_clocks(backend: &TestBackend) {
    for clock in [Clock::RealtimeAlarm, Clock::BoottimeAlarm] {
        let timer = match backend.open(clock, CreateFlags::default()) {
            Err(e) if matches!(e.raw_os_error(), Some(nix::libc::EPERM | nix::libc::EOPNOTSUPP)) => continue,
            timer => timer.unwrap(),
        };
        let goal = backend.now(clock) + ms(2);
        timer.set(&TimerSpec::at(goal).every(ms(2))).unwrap();
        backend.until_readable(&timer);
        backend.assert_counts(clock, goal, ms(2), || timer.read().unwrap());
        timer.arm_after(HOUR).unwrap();
        assert!(left(timer.get().unwrap()) > HOUR - 60 * SECOND);
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(backend.wait(&timer).unwrap(), 1);
    }
}

fn cancel_on_set_is_ignored_where_it_has_no_meaning(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        timer.set(&TimerSpec::after(ms(1)).cancel_on_set()).unwrap();
        assert_eq!(backend.wait(&timer).unwrap(), 1);
        timer.set(&TimerSpec::at(backend.now(clock)).cancel_on_set()).unwrap();
        assert_eq!(backend.wait(&timer).unwrap(), 1);
        timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
        assert!(!is_readable(&timer));
    }
}

fn a_timer_reports_the_time_of_its_clock(backend: &TestBackend) {
    let timer = backend.open_on(Clock::Monotonic);
    for clock in clocks() {
        let before = backend.now(clock);
        let reported = timer.now(clock).unwrap();
        assert!((before..=backend.now(clock)).contains(&reported), "{clock:?}: {reported:?}");
    }
    timer.arm_at(timer.now(Clock::Monotonic).unwrap() + HOUR).unwrap();
    assert!(left(timer.get().unwrap()) > HOUR - 60 * SECOND);
    backend.pass(ms(1));
    assert!(left(timer.get().unwrap()) <= HOUR - ms(1));
}

fn a_time_of_another_clock_is_refused_and_changes_nothing(backend: &TestBackend) {
    for clock in clocks() {
        let timer = backend.open_on(clock);
        let armed = TimerSpec::after(ms(1)).every(HOUR);
        timer.set(&armed).unwrap();
        backend.until_readable(&timer);
        for &other in Clock::ALL.iter().filter(|other| other.without_alarm() != clock) {
            let time = ClockTime::new(other, SECOND);
            for refused in [
                timer.arm_at(time),
                timer.set(&TimerSpec::at(time).every(SECOND)),
                timer.set(&TimerSpec::at(time).cancel_on_set()),
                timer.replace(&TimerSpec::at(time)).map(drop),
            ] {
                let error = refused.unwrap_err();
                assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::InvalidInput, None));
                let mismatch = error.get_ref().unwrap().downcast_ref::<ClockMismatch>().unwrap();
                assert_eq!((mismatch.timer(), mismatch.time()), (clock, other.without_alarm()));
            }
        }
        assert_eq!(timer.get().unwrap().interval(), HOUR);
        assert_eq!(timer.read().unwrap(), 1);
    }
}

fn an_alarm_clock_takes_the_times_of_the_clock_that_it_is_named_after(backend: &TestBackend) {
    for alarm in [Clock::RealtimeAlarm, Clock::BoottimeAlarm] {
        let timer = match backend.open(alarm, CreateFlags::default()) {
            Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => continue,
            timer => timer.unwrap(),
        };
        assert_eq!(timer.clock(), alarm);
        let past = timer.now(alarm.without_alarm()).unwrap() - SECOND;
        for time in [past, ClockTime::new(alarm, past.since_zero())] {
            timer.arm_at(time).unwrap();
            assert_eq!(backend.wait(&timer).unwrap(), 1);
        }
        assert!(timer.arm_at(ClockTime::new(Clock::Monotonic, SECOND)).is_err());
    }
}
