//! C's clock numbers, and conversion of times of these clocks.

use libc::{c_int, clockid_t};
use std::io;
use std::time::Duration;
use timers::bindings::c_monotonic_offset;
use timers::{Clock, ClockTime, Initial, TimerSpec};

/// Returns the clock with this number, or `EINVAL` if timers do not support it.
#[allow(clippy::unnecessary_cast)] // the type differs between platforms
pub(crate) fn named(number: c_int) -> io::Result<Clock> {
    Clock::from_clockid(number as clockid_t)
}

/// A setting on the timer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Translated {
    pub(crate) spec: TimerSpec,
    /// The expirations before the zero of the clock, which `spec` cannot express.
    pub(crate) past: u64,
}

/// Converts a setting from C's clock to the timer's clock. The result is never earlier.
///
/// On some systems C's `CLOCK_MONOTONIC` counts suspends, and timers of [`Clock::Monotonic`] must
/// not. There, an absolute time has to be converted.
pub(crate) fn translated(spec: TimerSpec) -> io::Result<Translated> {
    match spec.initial() {
        Initial::At(time) if time.clock() == Clock::Monotonic => Ok(moved(spec, time, c_monotonic_offset()?)),
        _ => Ok(Translated { spec, past: 0 }),
    }
}

/// Converts a setting with this initial expiration. C's clock is `offset` nanoseconds ahead of the
/// timer's clock.
///
/// The periods keep their times, also those in the past. A time before the zero of the timer's
/// clock moves to the first period after it. A one-shot timer has no such period. It expires at
/// once, as for any time in the past.
fn moved(spec: TimerSpec, time: ClockTime, offset: i64) -> Translated {
    if offset == 0 {
        return Translated { spec, past: 0 };
    }
    // A time beyond the range counts as the end of the range, so `gettime` returns the same
    // remaining time as on Linux.
    let first = nanos(time.since_zero()).min(i128::from(i64::MAX)) - i128::from(offset);
    let interval = nanos(spec.interval());
    let past = if first > 0 || interval == 0 { 0 } else { -first / interval + 1 };
    // Zero would disarm a timer in C, so the earliest time is one nanosecond.
    let first = u64::try_from((first + past * interval).max(1)).unwrap_or(u64::MAX);
    let spec = TimerSpec::at(ClockTime::new(time.clock(), Duration::from_nanos(first))).every(spec.interval());
    Translated { spec, past: u64::try_from(past).unwrap_or(u64::MAX) }
}

/// Converts without loss: every [`Duration`] fits.
fn nanos(duration: Duration) -> i128 {
    i128::from(duration.as_secs()) * 1_000_000_000 + i128::from(duration.subsec_nanos())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;
    const END: u64 = i64::MAX as u64;

    fn at(nanos: u64) -> TimerSpec {
        TimerSpec::at(ClockTime::new(Clock::Monotonic, Duration::from_nanos(nanos)))
    }

    fn every(nanos: u64) -> impl Fn(TimerSpec) -> TimerSpec {
        move |spec| spec.every(Duration::from_nanos(nanos))
    }

    fn converted(spec: TimerSpec, offset: i64) -> (TimerSpec, u64) {
        let Initial::At(time) = spec.initial() else { panic!("{spec:?} is not absolute") };
        let Translated { spec, past } = moved(spec, time, offset);
        (spec, past)
    }

    /// Returns the number of expirations until `now`, and the next one after it.
    fn expirations(spec: TimerSpec, past: u64, now: i128) -> (i128, i128) {
        let Initial::At(time) = spec.initial() else { panic!("{spec:?} is not absolute") };
        let (first, interval) = (nanos(time.since_zero()), nanos(spec.interval()));
        let here = if first > now { 0 } else { (now - first) / interval + 1 };
        (i128::from(past) + here, first + here * interval)
    }

    #[test]
    fn one_clock_leaves_a_setting_unchanged() {
        for spec in [at(1), at(5).every(Duration::from_secs(1)), at(END), at(7).every(Duration::MAX)] {
            assert_eq!(converted(spec, 0), (spec, 0));
        }
    }

    #[test]
    fn only_absolute_times_of_the_monotonic_clock_are_converted() {
        let wall = TimerSpec::at(ClockTime::new(Clock::Realtime, Duration::from_secs(9)));
        for spec in [TimerSpec::disarmed(), TimerSpec::after(Duration::from_secs(9)), wall, wall.cancel_on_set()] {
            assert_eq!(translated(spec).unwrap(), Translated { spec, past: 0 });
        }
    }

    #[test]
    fn a_time_moves_by_the_difference_of_the_clocks() {
        let hours = |n: i64| (n * HOUR) as u64;
        assert_eq!(converted(at(hours(5)), HOUR), (at(hours(4)), 0));
        assert_eq!(converted(every(9)(at(hours(5))), -HOUR), (every(9)(at(hours(6))), 0));
        assert_eq!(converted(at(hours(1) + 1), HOUR), (at(1), 0));
    }

    #[test]
    fn counts_and_phases_of_past_periods_are_kept() {
        for (first, interval, offset) in [
            (1, 1, HOUR),
            (1, 1, -HOUR),
            (1, 7, 1000),
            (1000, 7, 1000),
            (1001, 7, 1000),
            (994, 7, 1000),
            (993, 7, 1000),
            (1, i64::MAX, HOUR),
            (2 * HOUR, HOUR / 7, 9 * HOUR),
        ] {
            let (spec, past) = converted(every(interval as u64)(at(first as u64)), offset);
            for now_here in [1, 2, 6, 7, 8, i128::from(HOUR)] {
                let now_in_c = now_here + i128::from(offset);
                let wanted = expirations(every(interval as u64)(at(first as u64)), 0, now_in_c.max(0));
                let (count, next) = expirations(spec, past, now_here);
                assert_eq!((count, next + i128::from(offset)), wanted, "{first}, {interval}, {offset} at {now_here}");
            }
        }
    }

    #[test]
    fn a_oneshot_time_before_the_zero_of_the_clock_expires_at_once() {
        for time in [1, 5, HOUR as u64 - 1, HOUR as u64] {
            assert_eq!(converted(at(time), HOUR), (at(1), 0));
        }
    }

    #[test]
    fn times_beyond_the_range_end_with_the_range() {
        let far = TimerSpec::at(ClockTime::new(Clock::Monotonic, Duration::MAX));
        let (end, sooner) = (END as i64, END - HOUR as u64);
        assert_eq!(converted(far.every(Duration::MAX), HOUR), (at(sooner).every(Duration::MAX), 0));
        assert_eq!(converted(far, -HOUR), (at(END + HOUR as u64), 0));
        assert_eq!(converted(far, i64::MIN).1, 0);
        assert_eq!(converted(every(END)(at(1)), end).1, 1);
        assert_eq!(converted(at(1).every(Duration::MAX), HOUR).1, 1);
    }
}
