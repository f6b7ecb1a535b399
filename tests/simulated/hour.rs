//! What takes an hour, and clock steps that nobody can make on a real machine: exactly, and with no waiting.

use crate::common::*;
use crate::{ms, open};
use portable_timerfd::{Clock, SimulatedClock, Timer, TimerSpec};

/// Every millisecond for an hour, in which the wall clock is stepped ten times: by the monotonic clock, by the wall clock, and by the
/// wall clock with notice of steps, upon which it is set anew.
#[test]
fn an_hour_of_a_periodic_timer_and_ten_steps_are_counted_exactly() {
    const STEPS: [i64; 10] = [10, -3, 3600, -1800, 1, -1, 86_400, -86_400, 7, 300];
    let simulated = SimulatedClock::new();
    let now = || simulated.now(Clock::Realtime);
    let [monotonic, wall, told] =
        [Clock::Monotonic, Clock::Realtime, Clock::Realtime].map(|clock| open(&simulated, clock));
    let first = now() + ms(1);
    monotonic.arm_every(ms(1)).unwrap();
    wall.settime(&TimerSpec::at(first).every(ms(1))).unwrap();
    let mut counted = 0;
    for secs in STEPS {
        told.settime(&TimerSpec::at(now() + ms(1)).every(ms(1)).cancel_on_set()).unwrap();
        simulated.advance(6 * MINUTE);
        assert_eq!([monotonic.read().unwrap(), told.read().unwrap()], [360_000; 2]);
        // What a clock has passed that was stepped back is not counted again.
        let new = expirations(first, ms(1), now()).saturating_sub(counted);
        assert_eq!(wall.read().unwrap_or(0), new);
        counted += new;
        let by = SECOND * u32::try_from(secs.unsigned_abs()).unwrap();
        simulated.set_realtime(if secs < 0 { now() - by } else { now() + by });
        assert!(!is_readable(&monotonic));
        assert_canceled(told.read());
        assert_nothing_to_read(&told);
    }
    // The wall clock was furthest before the step back by a day: eight times six minutes, and the steps until then.
    assert_eq!(counted, (8 * 360 + 10 - 3 + 3600 - 1800 + 86_400) * 1000);
}
