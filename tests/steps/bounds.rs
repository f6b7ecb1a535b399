//! How soon the timer thread sees a step or a suspend by itself.

use crate::measured;
use crate::*;
use std::time::Instant;

/// How long it took several times until the timer was readable by what the clocks do: at best, within what the backend says.
fn keep(test: &str, mut set: impl FnMut() -> TimerFd, turn_the_clocks: impl Fn()) {
    let _alone = alone();
    let mut how_soon = || {
        let timer = set();
        let within = timer.backend().capabilities(timer.clock()).unwrap().notices_jumps_within.unwrap();
        // Some time after the thread last looked.
        std::thread::sleep(Duration::from_millis(60));
        let begun = Instant::now();
        turn_the_clocks();
        until_readable(&timer);
        (begun.elapsed(), within)
    };
    let seen: Vec<_> = (0..5).map(|_| how_soon()).collect();
    assert!(seen.iter().any(|(time, within)| time <= within), "{seen:?}");
    measured::keep("userspace", test, seen.into_iter().map(|(time, _)| time).collect());
}

fn in_an_hour(clock: Clock) -> TimerFd {
    let timer = open_on(clock);
    timer.arm_at(clock.now().unwrap() + HOUR).unwrap();
    timer
}

#[test]
fn how_soon_an_absolute_time_follows_a_step() {
    keep("how_soon_an_absolute_time_follows_a_step", || in_an_hour(Clock::Realtime), || step(3600));
}

#[test]
fn how_soon_a_suspend_is_counted() {
    keep("how_soon_a_suspend_is_counted", || in_an_hour(Clock::Boottime), || suspend(3600));
}

#[test]
fn how_soon_a_step_gives_notice() {
    keep("how_soon_a_step_gives_notice", watching, || step(-7));
}
