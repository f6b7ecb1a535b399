//! The offset of the wall clock, against readings of both clocks.

use super::*;

/// Each reading gives a range that has the offset in it, so the two ranges overlap. The millisecond
/// is for a clock that is being adjusted meanwhile.
#[test]
fn the_wall_offset_lies_between_readings_of_the_two_clocks() {
    const ADJUSTMENT: i64 = 1_000_000;
    let nanos = |clock: Clock| i64::try_from(clock.now().unwrap().as_nanos()).unwrap();
    let (before, wall, after) = (nanos(Clock::Monotonic), nanos(Clock::Realtime), nanos(Clock::Monotonic));
    let (offset, error) = wall_offset();
    let error = i64::try_from(error).unwrap() + ADJUSTMENT;
    assert!(offset + error >= wall - after, "{offset}: too small");
    assert!(offset - error <= wall - before, "{offset}: too great");
}
