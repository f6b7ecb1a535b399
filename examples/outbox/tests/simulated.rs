//! The outbox in simulated time: hours in milliseconds, without sleeping.

mod simulation;

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use outbox::{Action, Outbox, Timing};
use portable_timerfd::{Clock, Pollable, SimulatedClock};
use simulation::{give_up, ms, transmit, FailingTimer, Simulation};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn messages_that_closely_follow_each_other_form_one_request() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.outbox.send("a").unwrap();
    simulation.run(ms(49));
    simulation.outbox.send("b").unwrap();
    simulation.run(ms(49));
    assert_eq!(simulation.take(), []);
    simulation.run(ms(1));
    assert_eq!(simulation.take(), [(ms(99), transmit(1, &["a", "b"]))]);
    simulation.outbox.send("c").unwrap();
    simulation.run(ms(50));
    assert_eq!(simulation.take(), [(ms(149), transmit(2, &["c"]))]);
}

#[test]
fn a_stream_of_messages_postpones_a_request_by_the_longest_delay() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    for _ in 0..14 {
        simulation.outbox.send("tick").unwrap();
        simulation.run(ms(40));
    }
    // The second request begins with the message at 280 ms.
    assert_eq!(simulation.take(), [(ms(250), transmit(1, &["tick"; 7])), (ms(530), transmit(2, &["tick"; 7]))]);
}

#[test]
fn a_request_is_transmitted_after_the_quiet_time_or_the_longest_delay() {
    let cases: [(Duration, Duration, &[u64], u64); 5] = [
        (ms(50), ms(250), &[0, 45, 90, 135, 170, 210], 250),
        (ms(200), ms(250), &[0, 60], 250),
        (ms(200), ms(900), &[0, 60], 260),
        (ms(500), ms(100), &[0, 50], 100),
        (Duration::MAX, ms(250), &[0, 50], 250),
    ];
    for (quiet, max_delay, messages, transmitted) in cases {
        let timing = Timing { quiet, max_delay, ..Timing::default() };
        let mut simulation = Simulation::with_timing(Clock::Monotonic, timing);
        for &time in messages {
            simulation.run(ms(time) - simulation.elapsed());
            simulation.outbox.send("message").unwrap();
        }
        simulation.run(SECOND);
        assert_eq!(simulation.take(), [(ms(transmitted), transmit(1, &vec!["message"; messages.len()]))]);
    }
}

#[test]
fn a_request_is_transmitted_again_after_ever_longer_times_and_then_given_up() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.outbox.send("lost").unwrap();
    simulation.run(HOUR);
    let actions = simulation.take();
    let times: Vec<u128> = actions.iter().map(|(time, _)| time.as_millis()).collect();
    assert_eq!(times, [50, 2_050, 6_050, 14_050, 30_050, 62_050, 126_050]);
    let (last, before) = actions.split_last().unwrap();
    assert!(before.iter().all(|(_, action)| *action == transmit(1, &["lost"])));
    assert_eq!(last.1, give_up(1, &["lost"]));
    assert!(simulation.outbox.is_idle());
    assert!(!simulation.outbox.acknowledged(1));
}

#[test]
fn an_acknowledged_request_is_not_transmitted_again() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.outbox.send("a").unwrap();
    assert!(!simulation.outbox.is_idle());
    simulation.run(SECOND);
    assert!(!simulation.outbox.is_idle());
    assert!(simulation.outbox.acknowledged(1));
    assert!(!simulation.outbox.acknowledged(1));
    assert!(simulation.outbox.is_idle());
    // The host reports the transmission only after the answer has arrived.
    simulation.outbox.transmitted(1).unwrap();
    simulation.run(HOUR);
    assert_eq!(simulation.take(), [(ms(50), transmit(1, &["a"]))]);
}

#[test]
fn acknowledged_requests_wake_the_host_only_once() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    for id in 1..=20 {
        simulation.outbox.send("a").unwrap();
        simulation.run(ms(50));
        assert!(simulation.outbox.acknowledged(id));
    }
    let (clock, mut wake_ups) = (simulation.clock.clone(), 0);
    clock.advance_through(10 * SECOND, || {
        wake_ups += 1;
        assert_eq!(simulation.outbox.dispatch().unwrap(), None);
    });
    // The timer was set for the first request, before its acknowledgement.
    assert_eq!(wake_ups, 1);
}

#[test]
fn the_last_report_of_a_transmission_starts_the_time_out() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.outbox.send("a").unwrap();
    simulation.run(SECOND);
    simulation.take();
    simulation.outbox.transmitted(1).unwrap();
    simulation.run(ms(1_999));
    assert_eq!(simulation.take(), []);
    simulation.run(ms(1));
    assert_eq!(simulation.take(), [(ms(3_000), transmit(1, &["a"]))]);
}

#[test]
fn an_acknowledgement_between_two_actions_takes_effect() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    for message in ["a", "b"] {
        simulation.outbox.send(message).unwrap();
        simulation.run(ms(50));
    }
    simulation.clock.advance(10 * SECOND);
    assert_eq!(simulation.outbox.dispatch().unwrap(), Some(transmit(1, &["a"])));
    assert!(simulation.outbox.acknowledged(2));
    assert_eq!(simulation.outbox.dispatch().unwrap(), None);
}

#[test]
fn a_day_has_a_heartbeat_each_30_seconds() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.run(24 * HOUR);
    let expected: Vec<_> = (1..=2_880).map(|number| (30 * SECOND * number, Action::Heartbeat)).collect();
    assert_eq!(simulation.log, expected);
}

#[test]
fn a_peer_that_drops_every_third_request_gets_every_message_of_a_day() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.answers = |transmission| transmission % 3 != 0;
    // As on a real machine, no action is performed exactly on time.
    simulation.clock.set_latency(ms(1));
    for number in 0..8_640 {
        simulation.outbox.send(number.to_string()).unwrap();
        simulation.run(10 * SECOND);
    }
    assert!(simulation.outbox.is_idle());
    let heartbeats = simulation.log.iter().filter(|(_, action)| *action == Action::Heartbeat).count();
    assert_eq!(heartbeats, 2_880);
    let actions = simulation.take();
    // Of three transmissions, one is dropped, and its request is the next one.
    assert_eq!(actions.len(), 8_640 * 3 / 2 - 1);
    let messages: BTreeSet<_> = actions.iter().map(|(_, action)| action).map(|action| format!("{action:?}")).collect();
    assert_eq!(messages.len(), 8_640);
}

#[test]
fn a_host_that_is_late_gets_the_actions_in_the_order_of_their_deadlines() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.outbox.send("early").unwrap();
    simulation.run(ms(29_990));
    simulation.outbox.send("late").unwrap();
    simulation.log.clear();
    // The heartbeat is due at 30 s, the new request at 30.04 s, and the old one at 30.05 s.
    simulation.clock.advance(10 * MINUTE);
    simulation.dispatch();
    let now = ms(629_990);
    let expected = [(now, Action::Heartbeat), (now, transmit(2, &["late"])), (now, transmit(1, &["early"]))];
    assert_eq!(simulation.log, expected);
    // Heartbeats are not repeated, and their schedule does not move.
    simulation.log.clear();
    simulation.run(ms(10));
    assert_eq!(simulation.log, [(ms(630_000), Action::Heartbeat)]);
    // The peer has the full time to acknowledge a transmission that was late.
    simulation.run(ms(1_989));
    assert_eq!(simulation.take(), []);
    simulation.run(ms(1));
    assert_eq!(simulation.take(), [(ms(631_990), transmit(2, &["late"]))]);
}

#[test]
fn a_suspend_does_not_count_on_the_monotonic_clock() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    simulation.outbox.send("a").unwrap();
    simulation.run(ms(50));
    simulation.log.clear();
    assert_eq!(simulation.clock.suspend(HOUR), HOUR);
    simulation.dispatch();
    simulation.run(ms(1_999));
    assert_eq!(simulation.log, []);
    simulation.run(ms(1));
    assert_eq!(simulation.log, [(ms(2_050), transmit(1, &["a"]))]);
}

#[test]
fn a_suspend_counts_on_the_boot_time_clock() {
    let mut simulation = Simulation::new(Clock::Boottime);
    simulation.outbox.send("a").unwrap();
    simulation.run(ms(50));
    simulation.log.clear();
    assert_eq!(simulation.clock.suspend(HOUR), HOUR);
    simulation.dispatch();
    assert_eq!(simulation.log, [(ms(50), transmit(1, &["a"])), (ms(50), Action::Heartbeat)]);
}

fn is_readable(outbox: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(outbox.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::ZERO).unwrap() == 1
}

#[test]
fn one_descriptor_is_readable_whenever_an_action_is_due() {
    let mut simulation = Simulation::new(Clock::Monotonic);
    let number = simulation.outbox.as_fd().as_raw_fd();
    simulation.outbox.send("a").unwrap();
    // The new request, a retry, and the heartbeat. Nothing else is due before them.
    for (delay, action) in [(50, transmit(1, &["a"])), (2_000, transmit(1, &["a"])), (27_950, Action::Heartbeat)] {
        simulation.clock.advance(ms(delay - 1));
        simulation.dispatch();
        assert!(!is_readable(&simulation.outbox), "before {action:?}");
        simulation.clock.advance(ms(1));
        assert!(is_readable(&simulation.outbox), "{action:?}");
        assert_eq!(simulation.outbox.dispatch().unwrap(), Some(action.clone()));
        simulation.dispatch();
        assert!(!is_readable(&simulation.outbox), "after {action:?}");
        simulation.outbox.transmitted(1).unwrap();
        if delay == 2_000 {
            assert!(simulation.outbox.acknowledged(1));
        }
    }
    assert_eq!(simulation.log, [], "every action was returned by the first call");
    assert_eq!(simulation.outbox.as_pollable().as_raw_fd(), number);
}

#[test]
fn no_action_is_lost_when_the_timer_fails() {
    let clock = SimulatedClock::new();
    let (timer, fails) = FailingTimer::new(&clock);
    let mut outbox = Outbox::with_timer(timer, Timing::default()).unwrap();
    outbox.send("a").unwrap();
    clock.advance(30 * SECOND);
    fails.store(true, Ordering::Relaxed);
    assert_eq!(outbox.dispatch().unwrap(), Some(transmit(1, &["a"])));
    outbox.transmitted(1).unwrap();
    assert_eq!(outbox.dispatch().unwrap(), Some(Action::Heartbeat));
    // The timer is set only at the end. Then the descriptor stays readable.
    outbox.dispatch().unwrap_err();
    assert!(is_readable(&outbox));
    fails.store(false, Ordering::Relaxed);
    assert_eq!(outbox.dispatch().unwrap(), None);
    clock.advance(2 * SECOND);
    assert_eq!(outbox.dispatch().unwrap(), Some(transmit(1, &["a"])));
}
