//! The simulated clock: its times, its movement, the next expiration, its end.

use crate::common::*;
use crate::{ms, open, realtime};
use portable_timerfd::backends::simulated::{SimulatedTimer, BACKEND};
use portable_timerfd::{Clock, ClockTime, CreateFlags, SimulatedClock, TimerFd, TimerSpec};
use std::io::ErrorKind;
use std::time::Duration;

const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Boottime, Clock::Realtime];

/// Returns the time that passes on each clock.
fn passed(simulated: &SimulatedClock, act: impl FnOnce()) -> [Duration; 3] {
    let before = CLOCKS.map(|clock| simulated.now(clock));
    act();
    before.map(|before| simulated.now(before.clock()).checked_duration_since(before).unwrap())
}

#[test]
fn every_new_clock_shows_the_same_time_and_does_not_advance() {
    let simulated = SimulatedClock::default();
    let shown = CLOCKS.map(|clock| simulated.now(clock).since_zero().as_secs());
    assert_eq!(shown, [1_000, 2_000, 1_000_000_000]);
    for &clock in Clock::ALL {
        assert_eq!(simulated.now(clock), SimulatedClock::new().now(clock.without_alarm()));
    }
    assert_eq!((simulated.next_expiration(), simulated.advance_to_next()), (None, None));
}

#[test]
fn advance_moves_all_clocks_and_suspend_all_except_the_monotonic_one() {
    let simulated = SimulatedClock::new();
    assert_eq!(passed(&simulated, || simulated.advance(SECOND)), [SECOND; 3]);
    assert_eq!(passed(&simulated, || assert_eq!(simulated.suspend(HOUR), HOUR)), [Duration::ZERO, HOUR, HOUR]);
    let later = simulated.now(Clock::Realtime) + HOUR;
    assert_eq!(passed(&simulated, || simulated.set_realtime(later).unwrap()), [Duration::ZERO, Duration::ZERO, HOUR]);
}

#[test]
fn the_next_expiration_is_the_nearest_on_any_clock() {
    let simulated = SimulatedClock::new();
    let timers = CLOCKS.map(|clock| open(&simulated, clock));
    for (timer, millis) in timers.iter().zip([30, 10, 20]) {
        timer.arm_at(simulated.now(timer.clock()) + ms(millis)).unwrap();
    }
    assert_eq!(simulated.next_expiration(), Some(ms(10)));
    for place in [1, 2, 0] {
        assert_eq!(simulated.advance_to_next(), Some(ms(10)));
        assert_eq!(timers[place].read().unwrap(), 1);
        timers.iter().for_each(assert_nothing_to_read);
    }
    assert_eq!(simulated.advance_to_next(), None);
    timers[0].arm_every(HOUR).unwrap();
    timers[1].arm_after(2 * HOUR).unwrap();
    timers[1].disarm().unwrap();
    for _ in 0..3 {
        assert_eq!(simulated.advance_to_next(), Some(HOUR), "read or not");
    }
    simulated.advance(HOUR / 2);
    assert_eq!(simulated.next_expiration(), Some(HOUR / 2));
    drop(timers);
    assert_eq!(simulated.next_expiration(), None);
}

#[test]
fn advance_through_stops_at_each_expiration_and_at_its_limit() {
    let simulated = SimulatedClock::new();
    let [timer, other] = [Clock::Monotonic, Clock::Boottime].map(|clock| open(&simulated, clock));
    timer.arm_after(SECOND).unwrap();
    other.arm_every(4 * SECOND).unwrap();
    let begun = simulated.now(Clock::Monotonic);
    let mut log = Vec::new();
    simulated.advance_through(10 * SECOND, || {
        let time = simulated.now(Clock::Monotonic).saturating_duration_since(begun).as_secs();
        let counts = [&timer, &other].map(|timer| timer.read().unwrap_or(0));
        if counts[0] > 0 {
            timer.arm_after(3 * SECOND).unwrap();
        }
        log.push((time, counts));
    });
    assert_eq!(log, [(1, [1, 0]), (4, [1, 1]), (7, [1, 0]), (8, [0, 1]), (10, [1, 0])]);
    assert_eq!(simulated.now(Clock::Monotonic), begun + 10 * SECOND);
    simulated.advance_through(SECOND, || panic!("nothing is due"));
    assert_eq!(simulated.next_expiration(), Some(SECOND));
}

/// The expiration is not ahead: its count can be read already.
#[test]
fn a_timer_armed_for_now_has_expired() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    for spec in [TimerSpec::after(Duration::ZERO), TimerSpec::at(ClockTime::new(Clock::Monotonic, Duration::ZERO))] {
        timer.set(&spec).unwrap();
        assert_eq!((simulated.has_unread(), simulated.advance_to_next()), (true, None));
        assert_eq!((timer.read().unwrap(), simulated.has_unread()), (1, false));
    }
}

#[test]
fn clocks_are_independent_and_a_clone_is_the_same_clock() {
    let [one, other] = [SimulatedClock::new(), SimulatedClock::new()];
    let timers = [&one, &other].map(|simulated| open(simulated, Clock::Monotonic));
    for timer in &timers {
        timer.arm_after(HOUR).unwrap();
    }
    one.clone().advance(HOUR);
    assert_eq!(timers.each_ref().map(is_readable), [true, false]);
    assert_ne!(one.now(Clock::Monotonic), other.now(Clock::Monotonic));
    // A clock lives as long as its timers do.
    let handle = other.clone();
    drop((one, other));
    assert_eq!(timers[0].read().unwrap(), 1);
    assert_eq!(handle.advance_to_next(), Some(HOUR));
    assert_eq!(timers[1].read().unwrap(), 1);
}

#[test]
fn the_end_of_time_is_not_reached() {
    let simulated = SimulatedClock::new();
    let never = open(&simulated, Clock::Monotonic);
    never.set(&TimerSpec::at(ClockTime::new(Clock::Monotonic, Duration::MAX)).every(Duration::MAX)).unwrap();
    let last = open(&simulated, Clock::Realtime);
    // Later times are never reached, as on Linux.
    let last_time = realtime(Duration::new(9_223_372_035, 999_999_999));
    last.set(&TimerSpec::at(last_time).every(HOUR)).unwrap();
    assert_eq!(simulated.next_expiration(), last_time.checked_duration_since(simulated.now(Clock::Realtime)));
    let end = Duration::from_nanos(i64::MAX as u64 - 1);
    for _ in 0..2 {
        simulated.advance(Duration::MAX);
        simulated.suspend(Duration::MAX);
        simulated.set_realtime(realtime(Duration::MAX)).unwrap();
        assert_eq!(CLOCKS.map(|clock| simulated.now(clock).since_zero()), [end; 3]);
    }
    let other = SimulatedClock::new();
    assert_eq!(passed(&other, || assert!(other.suspend(Duration::MAX) > HOUR))[1], end - SECOND * 2_000);
    assert_eq!(other.suspend(HOUR), Duration::ZERO);
    assert_nothing_to_read(&never);
    assert_eq!((last.read().unwrap(), simulated.next_expiration()), (1, None));
    simulated.set_realtime(realtime(Duration::ZERO)).unwrap();
    assert_eq!(simulated.now(Clock::Realtime), realtime(Duration::ZERO));
}

#[test]
fn a_raw_read_returns_the_current_count_however_long_it_was_unread() {
    let simulated = SimulatedClock::new();
    let timer = open(&simulated, Clock::Monotonic);
    timer.arm_every(Duration::from_nanos(1)).unwrap();
    for nanos in [1, 99, 1, 1_000_000, 7] {
        simulated.advance(Duration::from_nanos(nanos));
    }
    assert_eq!(raw_read(&timer).unwrap(), 1_000_108);
    assert!(!is_readable(&timer));
    simulated.advance(Duration::from_nanos(5));
    assert_eq!(raw_read(&timer).unwrap(), 5);
}

#[test]
fn the_clock_reports_whether_any_timer_is_readable() {
    let simulated = SimulatedClock::new();
    let timers = [(); 2].map(|()| open(&simulated, Clock::Monotonic));
    assert!(!simulated.has_unread());
    for read in [|timer: &TimerFd| timer.read(), |timer: &TimerFd| raw_read(timer)] {
        timers[1].arm_after(SECOND).unwrap();
        simulated.advance(SECOND);
        assert!(simulated.has_unread());
        assert_eq!(read(&timers[1]).unwrap(), 1);
        assert!(!simulated.has_unread());
    }
}

#[test]
fn the_backend_reports_its_name_and_capabilities() {
    fn is_for_any_thread<T: Send + Sync + Clone>(_: &T) {}
    let simulated = SimulatedClock::new();
    is_for_any_thread(&simulated);
    for &clock in Clock::ALL {
        let timer: SimulatedTimer = simulated.timer(clock).unwrap();
        assert_eq!(timer.clock(), clock);
        let timer = TimerFd::from(timer);
        assert_eq!((timer.clock(), timer.backend().name()), (clock, "simulated"));
        let can = timer.backend().capabilities(clock).unwrap();
        assert_eq!((can.counts_suspend, can.wakes_system), (Some(clock != Clock::Monotonic), clock.is_alarm()));
        assert_eq!(can.cancel_on_set, clock.without_alarm() == Clock::Realtime);
        assert_eq!((can.jump_latency, can.process_shared), (Some(Duration::ZERO), false));
        let refused = BACKEND.open(clock, CreateFlags::default()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
    assert!(format!("{simulated:?}").contains("Monotonic: 1000s"), "{simulated:?}");
}
