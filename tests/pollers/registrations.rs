//! Registrations that a program changes, repeats or closes: what happens depends on the poller.

use crate::poller_behaviour::{AfterClose, HERE};
use crate::setup::{at_least_once, keys, modes, poller, setups, InLoop, Setup};
use crate::support::*;
use polling::{Event, PollMode, Poller};
use portable_timerfd::{Backend, Registered, Timer, TimerFd};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    the_poller_has_the_documented_modes,
    a_new_mode_takes_effect_where_documented,
    a_second_registration_is_refused_or_replaces_the_first,
    a_duplicate_is_registered_beside_its_original,
    a_closed_registration_is_reported_as_documented,
];

fn the_poller_has_the_documented_modes(_: Backend) {
    let poller = poller();
    assert_eq!(poller.supports_level(), HERE.has_level);
    assert_eq!(poller.supports_edge(), HERE.has_edge);
}

fn a_new_mode_takes_effect_where_documented(backend: Backend) {
    for new in modes() {
        for mut setup in setups(backend) {
            let entry = setup.enter();
            entry.modify(Event::readable(5), new).unwrap();
            // `Registered::modify` registers anew if the poller would keep the old mode.
            if HERE.modify_changes_the_mode || !setup.is_by_hand {
                setup.mode = new;
            }
            assert_mode_is_in_effect(&setup, &*entry);
        }
    }
}

/// Asserts that two expirations are reported as often as the mode of the setup reports them.
fn assert_mode_is_in_effect(setup: &Setup, entry: &dyn InLoop) {
    setup.expire();
    setup.assert_reported_now();
    if setup.mode == PollMode::Level {
        setup.assert_reported_now();
    } else {
        setup.assert_silent();
    }
    setup.timer.read().unwrap();
    setup.expire();
    if setup.is_oneshot() {
        setup.assert_silent();
        setup.ask(entry);
    }
    setup.assert_reported_now();
}

fn a_second_registration_is_refused_or_replaces_the_first(backend: Backend) {
    let poller = poller();
    let timer = Arc::new(open(backend));
    let register = |key| Registered::new(&poller, Arc::clone(&timer), Event::readable(key), at_least_once(&poller));
    let _first = register(1).unwrap();
    let second = register(2);
    timer.arm_after(Duration::ZERO).unwrap();
    if HERE.refuses_a_second_registration {
        assert_eq!(second.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(keys(&poller, None), [1], "the first is not disturbed");
    } else {
        let _second = second.unwrap();
        assert_eq!(keys(&poller, None), [2]);
    }
}

fn a_duplicate_is_registered_beside_its_original(backend: Backend) {
    for mode in modes() {
        let poller = poller();
        let timer = Arc::new(open(backend));
        let duplicate = timer.as_fd().try_clone_to_owned().unwrap();
        let _original = Registered::new(&poller, Arc::clone(&timer), Event::readable(1), mode).unwrap();
        let duplicate = Registered::new(&poller, duplicate, Event::readable(2), mode).unwrap();
        timer.arm_after(ms(1)).unwrap();
        let mut seen = BTreeSet::new();
        while seen.len() < 2 {
            seen.extend(keys(&poller, None));
        }
        assert_eq!(raw_read(&*duplicate).unwrap(), 1);
        assert!(keys(&poller, Some(Duration::ZERO)).is_empty());
    }
}

/// Registers a duplicate of the timer, closes the duplicate, and gives its number to another timer.
///
/// The returned descriptor has the number.
fn register_and_close(poller: &Poller, timer: &TimerFd, other: &TimerFd, mode: PollMode) -> OwnedFd {
    let mut duplicate = timer.as_fd().try_clone_to_owned().unwrap();
    // SAFETY: only the caller uses this poller, and drops it before it closes the number.
    unsafe { poller.add_with_mode(&duplicate, Event::readable(5), mode).unwrap() };
    nix::unistd::dup2(other, &mut duplicate).unwrap();
    duplicate
}

fn a_closed_registration_is_reported_as_documented(backend: Backend) {
    for mode in modes() {
        let (timer, other) = (open(backend), open(backend));
        let poller = poller();
        let _number = register_and_close(&poller, &timer, &other, mode);
        let is_reported = |timer: &TimerFd| {
            timer.arm_after(Duration::ZERO).unwrap();
            until_readable(timer);
            let keys = keys(&poller, Some(Duration::ZERO));
            timer.disarm().unwrap();
            !keys.is_empty()
        };
        assert_eq!(is_reported(&timer), HERE.after_close == AfterClose::OldFile, "{mode:?}");
        assert_eq!(is_reported(&other), HERE.after_close == AfterClose::NewFile, "{mode:?}");
        drop(poller);
    }
}
