//! A `polling` loop in each of its modes, with the timer registered by `Registered` and by hand.

use crate::poller_behaviour::HERE;
use crate::setup::{keys, modes, setups};
use crate::support::*;
use polling::{Event, Events, PollMode};
use portable_timerfd::{Backend, Timer, TimerFd};
use std::io::ErrorKind;
use std::thread;

crate::cases![
    every_mode_reports_an_expired_timer,
    every_mode_reports_an_unread_count_as_often_as_documented,
    every_mode_reports_an_expiration_that_came_before,
    a_timer_rearmed_while_unread_is_reported_again,
    a_timer_drained_before_the_wait_is_reported_where_documented,
    the_registered_interest_can_be_changed,
    a_removed_timer_is_not_reported_and_can_be_added_again,
    a_notification_ends_the_wait_and_reports_no_timer,
];

fn every_mode_reports_an_expired_timer(backend: Backend) {
    for setup in setups(backend) {
        let entry = setup.enter();
        for _ in 0..3 {
            setup.assert_silent();
            setup.assert_expiration_is_reported(&*entry);
            assert_eq!(setup.timer.read().unwrap(), 1);
            setup.assert_silent();
        }
    }
}

fn every_mode_reports_an_unread_count_as_often_as_documented(backend: Backend) {
    for setup in setups(backend) {
        let entry = setup.enter();
        setup.assert_expiration_is_reported(&*entry);
        for _ in 0..3 {
            if setup.mode == PollMode::Level {
                setup.assert_reported();
            } else {
                setup.assert_silent();
            }
        }
        setup.ask(&*entry);
        setup.assert_reported();
        setup.timer.read().unwrap();
        setup.ask(&*entry);
        setup.assert_silent();
    }
}

fn every_mode_reports_an_expiration_that_came_before(backend: Backend) {
    for setup in setups(backend) {
        setup.expire();
        let entry = setup.enter();
        setup.assert_reported();
        setup.timer.read().unwrap();
        setup.assert_silent();
        setup.assert_expiration_is_reported(&*entry);
    }
}

fn a_timer_rearmed_while_unread_is_reported_again(backend: Backend) {
    for setup in setups(backend) {
        let entry = setup.enter();
        for _ in 0..5 {
            setup.assert_expiration_is_reported(&*entry);
        }
        assert_eq!(setup.timer.read().unwrap(), 1);
    }
}

fn a_timer_drained_before_the_wait_is_reported_where_documented(backend: Backend) {
    let read = |timer: &TimerFd| timer.read().map(drop);
    for setup in setups(backend) {
        let entry = setup.enter();
        for drain in [Timer::disarm, |timer: &TimerFd| timer.arm_after(HOUR), read] {
            setup.expire();
            drain(&setup.timer).unwrap();
            if setup.is_oneshot() && HERE.reports_a_drained_timer {
                setup.assert_reported_now();
                assert_nothing_to_read(&*setup.timer);
                setup.ask(&*entry);
            }
            setup.assert_silent();
        }
        setup.timer.arm_after(ms(1)).unwrap();
        setup.assert_reported();
    }
}

fn the_registered_interest_can_be_changed(backend: Backend) {
    for setup in setups(backend) {
        let entry = setup.enter();
        entry.modify(Event::none(5), setup.mode).unwrap();
        setup.expire();
        setup.assert_silent();
        for (key, mode) in modes().enumerate() {
            entry.modify(Event::readable(key), mode).unwrap();
            assert_eq!(keys(&setup.poller, None), [key]);
        }
        setup.timer.disarm().unwrap();
        setup.assert_silent();
    }
}

fn a_removed_timer_is_not_reported_and_can_be_added_again(backend: Backend) {
    for setup in setups(backend) {
        for _ in 0..3 {
            let entry = setup.enter();
            setup.expire();
            drop(entry);
            setup.assert_silent();
            let again = setup.poller.delete(&*setup.timer).map_err(|e| e.kind());
            assert_eq!(again, if HERE.refuses_a_second_deletion { Err(ErrorKind::NotFound) } else { Ok(()) });
            let entry = setup.enter();
            setup.assert_reported();
            drop(entry);
        }
    }
}

fn a_notification_ends_the_wait_and_reports_no_timer(backend: Backend) {
    for setup in setups(backend) {
        let entry = setup.enter();
        setup.timer.arm_after(HOUR).unwrap();
        setup.poller.notify().unwrap();
        assert!(keys(&setup.poller, None).is_empty(), "notified before");
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(ms(1));
                setup.poller.notify().unwrap();
            });
            let mut events = Events::new();
            match setup.poller.wait(&mut events, None) {
                // In a loop on poll(2), a wait that begins during the notification may end in this
                // way.
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
                Ok(count) => assert_eq!(count, 0, "notified while it waits"),
            }
        });
        setup.assert_expiration_is_reported(&*entry);
    }
}
