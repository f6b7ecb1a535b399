//! Conversions of settings to and from numbers, and of clocks to and from std's times: no
//! conversion loses anything or panics.

use portable_timerfd::bindings::{Itimerspec, SettimeFlags, Timespec};
use portable_timerfd::{Clock, ClockTime, Initial, TimerFd, TimerSpec};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant, SystemTime};

const CLOCK: Clock = Clock::Monotonic;
const ZERO: ClockTime = ClockTime::new(CLOCK, Duration::ZERO);

const NONE: SettimeFlags = SettimeFlags::NONE;
const ABSTIME: SettimeFlags = SettimeFlags::ABSTIME;
const CANCEL_ON_SET: SettimeFlags = SettimeFlags::CANCEL_ON_SET;

const fn c(value: (i64, i64), interval: (i64, i64)) -> Itimerspec {
    Itimerspec {
        it_value: Timespec { tv_sec: value.0, tv_nsec: value.1 },
        it_interval: Timespec { tv_sec: interval.0, tv_nsec: interval.1 },
    }
}

#[track_caller]
fn assert_einval<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(nix::libc::EINVAL));
}

/// Asserts that a timer of this clock refuses a time of another clock.
#[track_caller]
fn assert_refused_by(clock: Clock, time: ClockTime) {
    let refusal = TimerFd::new(clock).unwrap().arm_at(time).unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::InvalidInput);
}

fn is_here(clock: &Clock) -> bool {
    clock.now().is_ok()
}

#[test]
fn an_itimerspec_round_trips() {
    let both = ABSTIME.union(CANCEL_ON_SET);
    for spec in [c((0, 0), (0, 0)), c((0, 0), (3, 4)), c((0, 1), (0, 0)), c((5, 999_999_999), (i64::MAX, 999_999_999))]
    {
        for flags in [NONE, ABSTIME, both] {
            let (there, back) = Itimerspec::from_spec(&spec.to_spec(Clock::Realtime, flags).unwrap());
            assert_eq!(back, spec);
            // A relative and an absolute disarming are the same, unless the timer watches for clock
            // changes.
            let disarms = spec.it_value == Timespec::default();
            assert_eq!(there, if disarms && flags == ABSTIME { NONE } else { flags });
        }
    }
}

#[test]
fn zero_disarms_and_anything_else_arms() {
    let initial = |flags, value| c(value, (0, 0)).to_spec(CLOCK, flags).unwrap().initial();
    assert_eq!(initial(NONE, (0, 0)), Initial::Disarmed);
    assert_eq!(initial(ABSTIME, (0, 0)), Initial::Disarmed);
    assert_eq!(initial(NONE, (0, 1)), Initial::After(Duration::from_nanos(1)));
    assert_eq!(initial(ABSTIME, (2, 1)), Initial::At(ZERO + Duration::new(2, 1)));
}

#[test]
fn now_never_becomes_the_zero_that_disarms() {
    for now in [TimerSpec::after(Duration::ZERO), TimerSpec::at(ZERO)] {
        assert_eq!(Itimerspec::from_spec(&now).1, c((0, 1), (0, 0)));
    }
}

#[test]
fn very_long_durations_saturate() {
    let forever = TimerSpec::after(Duration::MAX).every(Duration::MAX);
    assert_eq!(Itimerspec::from_spec(&forever).1, c((i64::MAX, 999_999_999), (i64::MAX, 999_999_999)));
}

#[test]
fn values_that_timerfd_settime_refuses_are_refused() {
    for bad in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, 0), (0, i64::MAX), (0, 1 << 32)] {
        assert_einval(c(bad, (0, 0)).to_spec(CLOCK, NONE));
        assert_einval(c((0, 0), bad).to_spec(CLOCK, ABSTIME));
    }
    for bit in 2..32 {
        assert_einval(SettimeFlags::from_bits(1 << bit));
    }
    assert_eq!(SettimeFlags::from_bits(3).unwrap(), ABSTIME.union(CANCEL_ON_SET));
}

#[test]
fn cancel_on_set_counts_where_it_has_a_meaning() {
    let wall_time = ClockTime::new(Clock::Realtime, Duration::ZERO);
    assert!(TimerSpec::at(wall_time).cancel_on_set().is_canceled_by_clock_change());
    assert!(!TimerSpec::at(ZERO).cancel_on_set().is_canceled_by_clock_change());
    assert!(TimerSpec::disarmed().cancel_on_set().is_canceled_by_clock_change());
    assert!(!TimerSpec::after(Duration::ZERO).cancel_on_set().is_canceled_by_clock_change());
    assert!(!TimerSpec::at(wall_time).is_canceled_by_clock_change());
    let relative = c((1, 0), (0, 0)).to_spec(CLOCK, CANCEL_ON_SET).unwrap();
    assert!(!relative.is_canceled_by_clock_change());
}

#[test]
fn a_clock_agrees_with_the_clock_of_std() {
    let before = SystemTime::now();
    let now = SystemTime::UNIX_EPOCH + Clock::Realtime.now().unwrap().since_zero();
    assert!(before <= now && now <= SystemTime::now() + Duration::from_secs(1));
    let since_the_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(ClockTime::from(now), ClockTime::new(Clock::Realtime, since_the_epoch));
    let before_the_epoch = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(ClockTime::from(before_the_epoch), ClockTime::new(Clock::RealtimeAlarm, Duration::ZERO));
}

#[test]
fn a_timer_of_another_clock_refuses_a_time_of_std() {
    assert_refused_by(Clock::Monotonic, SystemTime::now().into());
}

#[test]
fn an_instant_becomes_a_time_of_the_monotonic_clock_never_too_early() {
    for ahead in [0, 1, 1_000_000_000] {
        let instant = Instant::now() + Duration::from_nanos(ahead);
        let time = ClockTime::try_from(instant).unwrap();
        let timer = TimerFd::new(Clock::Monotonic).unwrap();
        timer.arm_at(time).unwrap();
        if ahead < 1_000_000 {
            timer.wait(None).unwrap();
            assert!(Instant::now() >= instant);
        }
        assert!(Clock::Monotonic.now().unwrap() + Duration::from_nanos(ahead) >= time);
    }
    let now = ClockTime::try_from(Instant::now()).unwrap();
    [Clock::Boottime, Clock::Realtime].into_iter().filter(is_here).for_each(|clock| assert_refused_by(clock, now));
}

#[test]
fn the_monotonic_clocks_do_not_go_back() {
    for clock in [Clock::Monotonic, Clock::Boottime].into_iter().filter(is_here) {
        let mut last = ClockTime::new(clock, Duration::ZERO);
        for _ in 0..1000 {
            let now = clock.now().unwrap();
            assert!(now >= last);
            last = now;
        }
    }
}
