//! An hour of expirations and clock steps, counted exactly and without waiting.

use crate::common::*;
use crate::{ms, open};
use portable_timerfd::{Clock, SimulatedClock, TimerSpec};

/// A period of a millisecond for an hour, during which the wall clock is stepped ten times: on the
/// monotonic clock, on the wall clock, and on the wall clock with `cancel_on_set`, where the timer
/// is set again after each step.
#[test]
fn an_hour_of_a_periodic_timer_and_ten_steps_are_counted_exactly() {
    const STEPS: [i64; 10] = [10, -3, 3600, -1800, 1, -1, 86_400, -86_400, 7, 300];
    let simulated = SimulatedClock::new();
    let now = || simulated.now(Clock::Realtime);
    let [monotonic, wall, told] =
        [Clock::Monotonic, Clock::Realtime, Clock::Realtime].map(|clock| open(&simulated, clock));
    let first = now() + ms(1);
    monotonic.arm_every(ms(1)).unwrap();
    wall.set(&TimerSpec::at(first).every(ms(1))).unwrap();
    let mut counted = 0;
    for secs in STEPS {
        told.set(&TimerSpec::at(now() + ms(1)).every(ms(1)).cancel_on_set()).unwrap();
        simulated.advance(6 * MINUTE);
        assert_eq!([monotonic.read().unwrap(), told.read().unwrap()], [360_000; 2]);
        // After a step back, times that the clock has passed before are not counted again.
        let new = expirations(first, ms(1), now()).saturating_sub(counted);
        assert_eq!(wall.read().unwrap_or(0), new);
        counted += new;
        let by = SECOND * u32::try_from(secs.unsigned_abs()).unwrap();
        simulated.set_realtime(if secs < 0 { now() - by } else { now() + by }).unwrap();
        assert!(!is_readable(&monotonic));
        assert_canceled(told.read());
        assert_nothing_to_read(&told);
    }
    // The wall clock was furthest ahead before the step back by a day: after eight times six
    // minutes, and the steps until then.
    assert_eq!(counted, (8 * 360 + 10 - 3 + 3600 - 1800 + 86_400) * 1000);
}
