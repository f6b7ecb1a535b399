//! `Registered`: timers together with sockets, any kind of timer, timers dropped while registered.

use crate::setup::{at_least_once, keys, poller, register};
use crate::support::*;
use polling::{Event, Events};
use portable_timerfd::{Backend, Clock, CreateFlags, Registered, Timer};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

crate::cases![
    timers_and_sockets_share_a_loop,
    any_timer_behind_the_trait_can_be_registered,
    a_timer_dropped_while_registered_leaves_the_loop_working,
    a_timer_dropped_while_another_thread_waits_is_not_reported,
    dropping_a_registration_removes_a_living_timer_from_the_loop,
    a_timer_taken_out_of_its_registration_leaves_the_loop_and_works,
    a_writable_event_never_comes,
];

fn timers_and_sockets_share_a_loop(backend: Backend) {
    let poller = poller();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server =
        Registered::new(&poller, listener.accept().unwrap().0, Event::readable(1), at_least_once(&poller)).unwrap();
    let timer = register(backend, &poller, 2, at_least_once(&poller));
    timer.arm_every(ms(2)).unwrap();
    client.write_all(b"hello").unwrap();
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        seen.extend(keys(&poller, None));
    }
    let mut bytes = [0; 16];
    assert_eq!((&*server).read(&mut bytes).unwrap(), 5);
    assert!(timer.read().unwrap() >= 1);
}

fn any_timer_behind_the_trait_can_be_registered(backend: Backend) {
    let poller = poller();
    let timer: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
    let timer = Registered::new_pollable(&poller, timer, Event::readable(3), at_least_once(&poller)).unwrap();
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [3]);
    let shared = Arc::new(open(backend));
    let registered = Registered::new(&poller, Arc::clone(&shared), Event::readable(4), at_least_once(&poller)).unwrap();
    drop(timer);
    shared.arm_after(ms(1)).unwrap();
    assert_eq!(keys(&poller, None), [4]);
    assert_eq!(registered.read().unwrap(), 1);
}

fn a_timer_dropped_while_registered_leaves_the_loop_working(backend: Backend) {
    let poller = poller();
    for _ in 0..50 {
        let timer = register(backend, &poller, 5, at_least_once(&poller));
        timer.arm_every(Duration::from_micros(100)).unwrap();
        assert_eq!(keys(&poller, None), [5]);
        // The next timer has the same number, and the poller no longer contains the old one.
        drop(timer);
    }
    assert!(keys(&poller, Some(ms(2))).is_empty());
}

fn a_timer_dropped_while_another_thread_waits_is_not_reported(backend: Backend) {
    let poller = poller();
    for round in 0..50 {
        let doomed = register(backend, &poller, 1, at_least_once(&poller));
        let last = register(backend, &poller, 2, at_least_once(&poller));
        doomed.arm_after(Duration::from_micros(round * 20)).unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| while keys(&poller, None) != [2] {});
            thread::sleep(Duration::from_micros(500));
            drop(doomed);
            last.arm_after(ms(1)).unwrap();
            waiter.join().unwrap();
        });
        assert_eq!(keys(&poller, Some(Duration::ZERO)), [2]);
    }
}

fn dropping_a_registration_removes_a_living_timer_from_the_loop(backend: Backend) {
    let poller = poller();
    let timer = Arc::new(open(backend));
    drop(Registered::new(&poller, Arc::clone(&timer), Event::readable(5), at_least_once(&poller)).unwrap());
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&*timer);
    assert!(keys(&poller, Some(Duration::ZERO)).is_empty());
}

fn a_timer_taken_out_of_its_registration_leaves_the_loop_and_works(backend: Backend) {
    let poller = poller();
    let timer = register(backend, &poller, 5, at_least_once(&poller)).into_inner().unwrap();
    assert_eq!(Arc::strong_count(&poller), 1);
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&timer);
    assert!(keys(&poller, Some(Duration::ZERO)).is_empty());
}

fn a_writable_event_never_comes(backend: Backend) {
    let poller = poller();
    let timer = Registered::new(&poller, open(backend), Event::all(1), at_least_once(&poller)).unwrap();
    assert!(keys(&poller, Some(Duration::ZERO)).is_empty());
    timer.arm_after(ms(1)).unwrap();
    let mut events = Events::new();
    poller.wait(&mut events, None).unwrap();
    let event = events.iter().next().unwrap();
    assert!(event.readable && !event.writable);
}
