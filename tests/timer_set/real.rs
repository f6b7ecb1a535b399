//! Sets above the timers of every backend of this system, in real time.

use crate::common::{backends_here, is_readable, open_on, until_readable, HOUR, SECOND};
use crate::{drain, ms, values};
use nix::sys::resource::{setrlimit, Resource};
use portable_timerfd::{Backend, Clock, Timer, TimerSet};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn sets<T>(clock: Clock) -> impl Iterator<Item = TimerSet<T>> {
    backends_here().map(move |backend: Backend| TimerSet::with_timer(open_on(backend, clock)).unwrap())
}

#[test]
fn ten_thousand_entries_expire_in_order_and_never_early() {
    for clock in [Clock::Monotonic, Clock::Realtime] {
        for mut set in sets(clock) {
            let mut random = fastrand::Rng::with_seed(26);
            let mut deadlines = HashMap::new();
            for _ in 0..10_000 {
                let delay = Duration::from_micros(random.u64(0..200_000));
                let is_time = clock == Clock::Realtime && random.bool();
                let time = if is_time { clock.now().unwrap() } else { set.now(set.duration_clock()).unwrap() } + delay;
                deadlines.insert(set.insert_at(time, ()).unwrap(), time);
            }
            let mut last = HashMap::new();
            while !set.is_empty() {
                until_readable(&set);
                for expired in drain(&mut set) {
                    assert_eq!(deadlines.remove(&expired.key), Some(expired.deadline));
                    let of_clock = expired.deadline.clock();
                    assert!(expired.deadline <= of_clock.now().unwrap(), "early");
                    let before = last.insert(of_clock, expired.deadline);
                    assert!(before.map_or(true, |before| before <= expired.deadline), "not in order");
                }
            }
            assert!(deadlines.is_empty());
            assert!(!is_readable(&set));
        }
    }
}

#[test]
fn a_drain_that_stops_early_leaves_the_set_readable_on_every_backend() {
    for mut set in sets(Clock::Monotonic) {
        for value in 0..100 {
            set.insert_after(Duration::ZERO, value).unwrap();
        }
        for value in 0..100 {
            until_readable(&set);
            assert_eq!(set.next_expired().unwrap().unwrap().value, Some(value));
            assert!(is_readable(&set));
        }
        assert!(set.next_expired().unwrap().is_none());
        assert!(!is_readable(&set));
    }
}

#[test]
fn an_entry_that_was_inserted_during_a_drain_makes_the_set_readable_again() {
    for mut set in sets(Clock::Monotonic) {
        set.insert_after(ms(1), 0).unwrap();
        for round in 0..100 {
            until_readable(&set);
            assert_eq!(set.next_expired().unwrap().unwrap().value, Some(round));
            set.insert_after(Duration::ZERO, round + 1).unwrap();
            assert!(set.next_expired().unwrap().is_none());
        }
    }
}

#[test]
fn an_insertion_by_another_thread_wakes_the_thread_that_waits() {
    for backend in backends_here() {
        let timer = Arc::new(open_on(backend, Clock::Monotonic));
        let set = Mutex::new(TimerSet::with_timer(Arc::clone(&timer)).unwrap());
        set.lock().unwrap().insert_after(HOUR, "late").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| set.lock().unwrap().insert_after(ms(5), "soon").unwrap());
            until_readable(&timer);
        });
        assert_eq!(values(&mut set.lock().unwrap()), ["soon"]);
    }
}

#[test]
fn a_timer_that_was_armed_before_is_disarmed() {
    for backend in backends_here() {
        let timer = open_on(backend, Clock::Monotonic);
        timer.arm_every(ms(1)).unwrap();
        until_readable(&timer);
        let mut set = TimerSet::with_timer(timer).unwrap();
        assert!(!is_readable(&set));
        set.insert_after(ms(5), ()).unwrap();
        set.wait_readable(Some(SECOND * 60)).unwrap();
        assert_eq!(values(&mut set), [()]);
        assert!(set.wait_readable(Some(ms(5))).is_err());
    }
}

#[test]
fn values_need_not_be_send() {
    for mut set in sets(Clock::Monotonic) {
        set.insert_after(Duration::ZERO, std::rc::Rc::new(1)).unwrap();
        until_readable(&set);
        assert_eq!(*values(&mut set)[0], 1);
    }
    fn is_send<T: Send>() {}
    is_send::<TimerSet<u32>>();
}

#[test]
fn a_set_works_above_any_timer() {
    for backend in backends_here() {
        let boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, Default::default()).unwrap();
        let mut set = TimerSet::with_timer(boxed).unwrap();
        set.insert_after(Duration::ZERO, ()).unwrap();
        until_readable(&set);
        assert_eq!(values(&mut set), [()]);
    }
}

#[test]
fn a_hundred_thousand_entries_fit_in_64_descriptors() {
    // Other tests of this process may need more descriptors, so this is a process of its own.
    const ASKED: &str = "TIMER_SET_FEW_DESCRIPTORS";
    if std::env::var_os(ASKED).is_none() {
        let mut program = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "real::a_hundred_thousand_entries_fit_in_64_descriptors";
        let output = program.args(["--exact", name]).env(ASKED, "").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();
    for mut set in sets(Clock::Monotonic) {
        for nanos in 0..100_000 {
            set.insert_after(ms(20) + Duration::from_nanos(nanos), nanos).unwrap();
        }
        let mut expired = Vec::new();
        while !set.is_empty() {
            until_readable(&set);
            expired.append(&mut values(&mut set));
        }
        assert_eq!(expired, (0..100_000).collect::<Vec<u64>>());
    }
}
