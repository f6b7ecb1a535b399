//! The offset of the wall clock, against readings of both clocks.

use super::*;
use crate::backends::sys::system::POSIX;

/// Each reading gives a range that has the offset in it, so the two ranges overlap. The millisecond
/// is for a clock that is being adjusted meanwhile.
#[test]
fn the_wall_offset_lies_between_readings_of_the_two_clocks() {
    const ADJUSTMENT: i64 = 1_000_000;
    let nanos = |clock: Clock| i64::try_from(clock.now().unwrap().as_nanos()).unwrap();
    let (before, wall, after) = (nanos(Clock::Monotonic), nanos(Clock::Realtime), nanos(Clock::Monotonic));
    let WallOffset { offset, error, .. } = wall_offset();
    let error = i64::try_from(error).unwrap() + ADJUSTMENT;
    assert!(offset + error >= wall - after, "{offset}: too small");
    assert!(offset - error <= wall - before, "{offset}: too great");
}

#[test]
fn a_system_of_which_nothing_is_known_may_slew_by_5000_ppm_and_shows_steps_of_10_milliseconds_a_second() {
    assert!((5_000..=9_900).contains(&POSIX.max_slew_ppm));
}

#[test]
fn the_offset_is_read_to_within_its_error() {
    let (first, second) = (wall_offset(), wall_offset());
    assert!(first.time <= second.time);
    // A clock change, or a suspend, between the readings is unlikely; slewing stays below this.
    let doubt = first.error + second.error + 1_000_000_000;
    assert!(first.offset.abs_diff(second.offset) <= doubt, "{first:?} {second:?}");
}
