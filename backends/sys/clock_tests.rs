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
