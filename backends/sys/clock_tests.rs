//! Tests of the measured offset of the wall clock.

use super::*;
use crate::backends::sys::system::POSIX;

/// Both measurements give a range that contains the offset, so the two ranges overlap. The test
/// allows an adjustment of one millisecond, because the clock may be slewed in the meantime.
#[test]
fn the_wall_offset_lies_between_readings_of_the_two_clocks() {
    const ADJUSTMENT: i64 = 1_000_000;
    let nanos = |clock: Clock| i64::try_from(clock.now().unwrap().since_zero().as_nanos()).unwrap();
    let (before, wall, after) = (nanos(Clock::Monotonic), nanos(Clock::Realtime), nanos(Clock::Monotonic));
    let WallOffset { offset, error, .. } = wall_offset();
    let error = i64::try_from(error).unwrap() + ADJUSTMENT;
    assert!(offset + error >= wall - after, "{offset}: too small");
    assert!(offset - error <= wall - before, "{offset}: too great");
}

/// The true difference is at most that of a reading of C's clock and an earlier one of the other.
#[test]
fn the_offset_of_the_c_clock_is_not_too_great() {
    let c = || whole_nanos(duration(gettime(libc::CLOCK_MONOTONIC).unwrap()));
    let here = || whole_nanos(now(Clock::Monotonic).unwrap());
    let before = here();
    let offset = c_monotonic_offset().unwrap();
    let greatest = c() - before;
    if SYSTEM.monotonic_is_that_of_c {
        assert_eq!(offset, 0);
        assert!((0..=here() - before).contains(&greatest), "the two clocks differ");
    }
    assert!(offset <= greatest, "{offset}: too great");
}

#[test]
fn the_difference_of_two_clocks_is_too_small_by_the_shortest_gap_between_readings() {
    const TRUE_DIFFERENCE: i64 = 1000;
    // The time advances by these numbers before each reading.
    let steps = [5, 30, 5, 20, 70, 40, 5, 90];
    let readings = std::cell::Cell::new(0);
    let advance = || {
        readings.set(readings.get() + 1);
        Ok(steps.iter().take(readings.get()).sum())
    };
    let difference = greatest_difference(|| advance().map(|now: i64| now + TRUE_DIFFERENCE), advance);
    assert_eq!(difference.unwrap(), TRUE_DIFFERENCE - 20);
    let failed = greatest_difference(|| Err(os_error(libc::EINVAL)), || Ok(5));
    assert_eq!(failed.unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn the_default_slew_limit_allows_5000_ppm_and_detects_clock_changes_of_10_ms_per_second() {
    assert!((5_000..=9_900).contains(&POSIX.max_slew_ppm));
}

#[test]
fn two_measurements_of_the_offset_agree_within_their_errors() {
    let (first, second) = (wall_offset(), wall_offset());
    assert!(first.time <= second.time);
    // A clock change, or a suspend, between the readings is unlikely; slewing stays below this.
    let tolerance = first.error + second.error + 1_000_000_000;
    assert!(first.offset.abs_diff(second.offset) <= tolerance, "{first:?} {second:?}");
}
