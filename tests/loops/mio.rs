//! mio: a timer is a source.

use crate::poller_behaviour::IN_MIO;
use crate::support::*;
use ::mio::net::{TcpListener, TcpStream};
use ::mio::{Events, Interest, Poll, Token};
use portable_timerfd::backends::{self, kernel::KernelTimer, userspace::UserspaceTimer};
use portable_timerfd::{Backend, Clock, CreateFlags, SimulatedClock, Timer, TimerFd};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

crate::cases![
    a_timer_and_a_socket_share_a_loop,
    any_kind_of_timer_is_a_source,
    a_backends_own_timer_is_a_source,
    a_timer_dropped_while_registered_leaves_the_loop_working,
    a_deregistered_timer_is_not_reported,
    a_blocking_timer_does_not_block_the_loop,
    a_second_registration_is_refused_or_replaces_the_first,
];

pub const NOW: Option<Duration> = Some(Duration::ZERO);

/// A loop, and the tokens that it reports.
pub struct Loop {
    pub poll: Poll,
    events: Events,
}

impl Loop {
    pub fn new() -> Loop {
        Loop { poll: Poll::new().unwrap(), events: Events::with_capacity(16) }
    }

    pub fn register(&self, source: &mut impl ::mio::event::Source, token: usize) {
        self.poll.registry().register(source, Token(token), Interest::READABLE).unwrap();
    }

    pub fn tokens(&mut self, limit: Option<Duration>) -> Vec<usize> {
        while let Err(e) = self.poll.poll(&mut self.events, limit) {
            assert_eq!(e.kind(), ErrorKind::Interrupted);
        }
        self.events.iter().map(|event| event.token().0).collect()
    }
}

fn a_timer_and_a_socket_share_a_loop(backend: Backend) {
    let mut mio = Loop::new();
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    mio.register(&mut listener, 0);
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(mio.tokens(None), [0]);
    let mut server = listener.accept().unwrap().0;
    mio.register(&mut server, 1);
    let mut timer = open(backend);
    mio.register(&mut timer, 2);
    timer.arm_every(ms(2)).unwrap();
    let (mut ticks, mut echoes) = (0, 0);
    while ticks < 5 || echoes < 5 {
        for token in mio.tokens(None) {
            if token == 2 {
                ticks += timer.read().unwrap();
                client.write_all(b"tick").unwrap();
            } else {
                let mut bytes = [0; 64];
                echoes += server.read(&mut bytes).unwrap() / 4;
            }
        }
    }
}

fn any_kind_of_timer_is_a_source(backend: Backend) {
    let mut mio = Loop::new();
    let mut boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
    mio.register(&mut boxed, 3);
    boxed.arm_after(ms(1)).unwrap();
    assert_eq!(mio.tokens(None), [3]);
    assert_eq!(boxed.read().unwrap(), 1);
}

fn a_backends_own_timer_is_a_source(backend: Backend) {
    let mut mio = Loop::new();
    let flags = CreateFlags::default();
    let clock = SimulatedClock::new();
    let mut simulated = clock.timer(Clock::Monotonic).unwrap();
    mio.register(&mut simulated, 1);
    simulated.arm_after(ms(1)).unwrap();
    clock.advance(ms(1));
    assert_eq!(mio.tokens(None), [1]);
    if backend == backends::kernel::BACKEND {
        mio.register(&mut KernelTimer::new(Clock::Monotonic, flags).unwrap(), 2);
    } else {
        mio.register(&mut UserspaceTimer::new(Clock::Monotonic, flags).unwrap(), 2);
    }
}

fn a_timer_dropped_while_registered_leaves_the_loop_working(backend: Backend) {
    let mut mio = Loop::new();
    let mut numbers = Vec::new();
    for _ in 0..50 {
        let mut timer = open(backend);
        numbers.push(timer.as_raw_fd());
        mio.register(&mut timer, 5);
        timer.arm_every(Duration::from_micros(100)).unwrap();
        assert_eq!(mio.tokens(None), [5]);
    }
    // Other tests may have taken the number in between, but not each time.
    assert!(numbers.windows(2).any(|pair| pair[0] == pair[1]), "a number comes again: {numbers:?}");
    assert!(mio.tokens(Some(ms(2))).is_empty());
}

fn a_deregistered_timer_is_not_reported(backend: Backend) {
    let mut mio = Loop::new();
    let mut timer: TimerFd = open(backend);
    mio.register(&mut timer, 6);
    mio.poll.registry().deregister(&mut timer).unwrap();
    timer.arm_after(Duration::ZERO).unwrap();
    until_readable(&timer);
    assert!(mio.tokens(NOW).is_empty());
    mio.register(&mut timer, 7);
    assert_eq!(mio.tokens(None), [7], "it has expired already");
    mio.poll.registry().reregister(&mut timer, Token(8), Interest::READABLE).unwrap();
    assert_eq!(mio.tokens(None), [8]);
}

fn a_blocking_timer_does_not_block_the_loop(backend: Backend) {
    let mio = Loop::new();
    let mut timer = open_blocking(backend);
    mio.register(&mut timer, 1);
    assert_eq!(timer.read().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn a_second_registration_is_refused_or_replaces_the_first(backend: Backend) {
    let mut mio = Loop::new();
    let mut timer = open(backend);
    mio.register(&mut timer, 1);
    let again = mio.poll.registry().register(&mut timer, Token(2), Interest::READABLE);
    timer.arm_after(ms(1)).unwrap();
    if IN_MIO.mio_refuses_a_second_registration {
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(mio.tokens(None), [1], "the first is not disturbed");
    } else {
        again.unwrap();
        assert_eq!(mio.tokens(None), [2]);
    }
}
