//! Clock steps and suspends: the next expiration after them, and the end of a suspend.

use crate::common::*;
use crate::open;
use portable_timerfd::{Clock, SimulatedClock, TimerFd, TimerSpec};
use std::time::Duration;

#[test]
fn clock_steps_and_suspends_bring_an_absolute_time_nearer() {
    let simulated = SimulatedClock::new();
    let wall = open(&simulated, Clock::Realtime);
    wall.arm_at(simulated.now(Clock::Realtime) + HOUR).unwrap();
    simulated.set_realtime(simulated.now(Clock::Realtime) - HOUR).unwrap();
    assert_eq!(simulated.next_expiration(), Some(2 * HOUR));
    simulated.suspend(HOUR);
    assert_eq!(simulated.next_expiration(), Some(HOUR));
    wall.arm_after(HOUR).unwrap();
    simulated.set_realtime(simulated.now(Clock::Realtime) + HOUR).unwrap();
    assert_eq!(simulated.next_expiration(), Some(HOUR), "it runs by the monotonic clock");
}

#[test]
fn an_alarm_clock_ends_a_suspend_and_no_other_does() {
    let simulated = SimulatedClock::new();
    let [alarm, wall_alarm, other] =
        [Clock::BoottimeAlarm, Clock::RealtimeAlarm, Clock::Boottime].map(|clock| open(&simulated, clock));
    alarm.arm_every(10 * MINUTE).unwrap();
    other.arm_after(MINUTE).unwrap();
    // Each of these calls sets the next alarm of a periodic timer. Without a call, the kernel does
    // not.
    let asks: [fn(&TimerFd); 3] = [
        |timer| assert_eq!(timer.read().unwrap(), 1),
        |timer| assert_eq!(raw_read(timer).unwrap(), 1),
        |timer| assert!(timer.get().unwrap().is_armed()),
    ];
    for ask in asks {
        assert_eq!(simulated.suspend(HOUR), 10 * MINUTE);
        ask(&alarm);
    }
    assert_eq!(simulated.suspend(HOUR), 10 * MINUTE);
    assert_eq!(simulated.suspend(HOUR), HOUR, "it has expired unread");
    wall_alarm.arm_after(25 * MINUTE).unwrap();
    assert_eq!(simulated.suspend(HOUR), 25 * MINUTE);
    assert_eq!([&alarm, &wall_alarm, &other].map(|timer| timer.read().unwrap()), [10, 1, 1]);
    assert_eq!(simulated.suspend(MINUTE), MINUTE);
    alarm.disarm().unwrap();
    assert_eq!(simulated.suspend(HOUR), HOUR);
}

#[test]
fn after_a_step_back_the_next_expiration_is_that_of_gettime() {
    for clock in [Clock::Realtime, Clock::RealtimeAlarm] {
        let simulated = SimulatedClock::new();
        let start = simulated.now(clock);
        let timer = open(&simulated, clock);
        timer.set(&TimerSpec::at(start + 9 * MINUTE).every(10 * MINUTE)).unwrap();
        simulated.advance(25 * MINUTE);
        simulated.set_realtime(start + 15 * MINUTE).unwrap();
        assert_eq!(simulated.next_expiration(), Some(4 * MINUTE));
        simulated.set_realtime(start).unwrap();
        assert_eq!(simulated.advance_to_next(), Some(9 * MINUTE));
        assert_eq!(simulated.advance_to_next(), Some(10 * MINUTE));
        simulated.set_realtime(start + 15 * MINUTE).unwrap();
        assert_eq!(left(timer.get().unwrap()), 4 * MINUTE);
        assert_eq!(simulated.next_expiration(), Some(4 * MINUTE));
        assert_eq!(timer.read().unwrap(), 1);
    }
}

/// This holds for every kind of read.
#[test]
fn expirations_read_before_a_step_back_do_not_recur() {
    for read in [|timer: &TimerFd| raw_read(timer), |timer: &TimerFd| timer.get().and_then(|_| timer.read())] {
        let simulated = SimulatedClock::new();
        let timer = open(&simulated, Clock::Realtime);
        let start = simulated.now(Clock::Realtime);
        timer.set(&TimerSpec::at(start + 9 * MINUTE).every(10 * MINUTE)).unwrap();
        simulated.advance(25 * MINUTE);
        assert_eq!(read(&timer).unwrap(), 2);
        simulated.set_realtime(start).unwrap();
        assert_eq!(simulated.next_expiration(), Some(29 * MINUTE));
    }
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Realtime);
    let start = simulated.now(Clock::Realtime);
    timer.set(&TimerSpec::at(start + 9 * MINUTE).every(10 * MINUTE)).unwrap();
    simulated.advance(25 * MINUTE);
    simulated.set_realtime(start).unwrap();
    assert_eq!(raw_read(&timer).unwrap(), 2, "a raw read cannot see the step");
    assert_eq!(simulated.next_expiration(), Some(29 * MINUTE));
    assert_eq!(simulated.advance_to_next(), Some(29 * MINUTE));
    assert_eq!(timer.read().unwrap(), 1);
}

#[test]
fn setting_the_wall_clock_to_its_own_time_is_no_clock_step() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Realtime);
    timer.set(&TimerSpec::disarmed().cancel_on_set()).unwrap();
    simulated.set_realtime(simulated.now(Clock::Realtime)).unwrap();
    simulated.suspend(Duration::ZERO);
    simulated.advance(HOUR);
    assert_nothing_to_read(&timer);
    simulated.set_realtime(simulated.now(Clock::Realtime) + Duration::from_nanos(1)).unwrap();
    assert_canceled(timer.read());
}
