//! async-io: expirations awaited.

use crate::support::*;
use ::async_io::{block_on, Async};
use futures_lite::{future, AsyncReadExt, AsyncWriteExt, StreamExt};
use portable_timerfd::loops::async_io::Expirations;
use portable_timerfd::{Backend, Clock, CreateFlags, Timer, TimerFd, TimerSpec};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

crate::cases![
    a_timer_ticks_beside_a_socket,
    any_kind_of_timer_can_be_awaited,
    a_timer_dropped_while_registered_leaves_the_reactor_in_order,
    dropped_futures_lose_no_expiration,
    one_expiration_goes_to_one_of_many_waiters,
    a_stream_gives_the_counts,
    a_blocking_timer_does_not_block_the_executor,
    a_timer_is_registered_once,
];

fn expirations(backend: &'static Backend) -> Expirations<TimerFd> {
    Expirations::new(open(backend)).unwrap()
}

/// What a future gives within this time.
async fn within<R>(limit: Duration, wait: impl std::future::Future<Output = R>) -> Option<R> {
    let end = async {
        ::async_io::Timer::after(limit).await;
        None
    };
    future::or(async { Some(wait.await) }, end).await
}

fn a_timer_ticks_beside_a_socket(backend: &'static Backend) {
    block_on(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let mut client = Async::<TcpStream>::connect(listener.get_ref().local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let expirations = expirations(backend);
        expirations.get_ref().arm_every(ms(2)).unwrap();
        let (mut ticks, mut echoes) = (0, 0);
        let mut bytes = [0; 64];
        while ticks < 5 || echoes < 5 {
            let tick = async { (expirations.wait().await.unwrap(), 0) };
            let echo = async { (0, server.read(&mut bytes).await.unwrap() / 4) };
            let (more_ticks, more_echoes) = future::race(tick, echo).await;
            if more_ticks > 0 {
                client.write_all(b"tick").await.unwrap();
            }
            (ticks, echoes) = (ticks + more_ticks, echoes + more_echoes);
        }
    });
}

fn any_kind_of_timer_can_be_awaited(backend: &'static Backend) {
    block_on(async {
        let boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
        let expirations = Expirations::new(boxed).unwrap();
        expirations.get_ref().as_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let shared = Arc::new(open(backend));
        let expirations = Expirations::new(Arc::clone(&shared)).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let any: Arc<dyn Timer> = expirations.into_inner().unwrap();
        let expirations = Expirations::new(any).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn a_timer_dropped_while_registered_leaves_the_reactor_in_order(backend: &'static Backend) {
    block_on(async {
        let mut numbers = Vec::new();
        for _ in 0..50 {
            let expirations = expirations(backend);
            numbers.push(expirations.get_ref().as_raw_fd());
            expirations.get_ref().arm_every(Duration::from_micros(100)).unwrap();
            expirations.wait().await.unwrap();
        }
        assert!(numbers.windows(2).any(|pair| pair[0] == pair[1]), "a number comes again: {numbers:?}");
    });
}

fn dropped_futures_lose_no_expiration(backend: &'static Backend) {
    const INTERVAL: Duration = Duration::from_micros(300);
    block_on(async {
        let expirations = expirations(backend);
        let first = Clock::Monotonic.now().unwrap() + ms(1);
        expirations.get_ref().settime(&TimerSpec::at(first).every(INTERVAL)).unwrap();
        let mut told = 0;
        for round in 0..200 {
            let limit = Duration::from_micros(round * 10);
            told += within(limit, expirations.wait()).await.map_or(0, |count| count.unwrap());
        }
        assert_counts_by_the_clock(Clock::Monotonic, first, INTERVAL, || {
            // What it has not told of is still there.
            told + expirations.into_inner().unwrap().wait(None).unwrap()
        });
    });
}

fn one_expiration_goes_to_one_of_many_waiters(backend: &'static Backend) {
    const EXPIRATIONS: u64 = 100;
    let expirations = expirations(backend);
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..3 {
            let (sender, expirations) = (sender.clone(), &expirations);
            scope.spawn(move || block_on(async { while sender.send(expirations.wait().await.unwrap()).is_ok() {} }));
        }
        for _ in 0..EXPIRATIONS {
            expirations.get_ref().arm_after(Duration::from_micros(100)).unwrap();
            assert_eq!(receiver.recv().unwrap(), 1);
        }
        assert!(receiver.recv_timeout(ms(5)).is_err(), "none was told of twice");
        drop(receiver);
        // Each ends by one more.
        expirations.get_ref().arm_every(ms(1)).unwrap();
    });
}

fn a_stream_gives_the_counts(backend: &'static Backend) {
    block_on(async {
        let mut expirations = expirations(backend);
        let first = Clock::Monotonic.now().unwrap() + ms(1);
        expirations.get_ref().settime(&TimerSpec::at(first).every(ms(1))).unwrap();
        let mut told = 0;
        for _ in 0..5 {
            told += expirations.next().await.unwrap().unwrap();
        }
        assert_counts_by_the_clock(Clock::Monotonic, first, ms(1), || {
            told + expirations.into_inner().unwrap().wait(None).unwrap()
        });
    });
}

fn a_blocking_timer_does_not_block_the_executor(backend: &'static Backend) {
    block_on(async {
        let expirations = Expirations::new(Arc::new(open_blocking(backend))).unwrap();
        let timer = expirations.get_ref();
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(timer);
        assert_eq!(timer.read().unwrap(), 1);
        assert_eq!(timer.read().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(within(ms(5), expirations.wait()).await.is_none());
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn a_timer_is_registered_once(backend: &'static Backend) {
    block_on(async {
        let timer = Arc::new(open(backend));
        let first = Expirations::new(Arc::clone(&timer)).unwrap();
        let second = Expirations::new(Arc::clone(&timer));
        assert_eq!(second.unwrap_err().kind(), ErrorKind::AlreadyExists);
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(first.wait().await.unwrap(), 1, "the first is not disturbed");
    });
}
