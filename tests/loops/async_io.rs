//! async-io: awaited expirations.

use crate::awaited::Awaited;
use crate::poller_behaviour::HERE;
use crate::sources::Heartbeat;
use crate::support::*;
use ::async_io::{block_on, Async};
use futures_lite::{future, AsyncReadExt, AsyncWriteExt};
use portable_timerfd::loops::async_io::{AsyncIoSource, AsyncIoTimer};
use portable_timerfd::{Backend, Clock, CreateFlags, Timer, TimerFd};
use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

crate::cases![
    a_timer_and_a_socket_share_a_loop,
    any_kind_of_timer_can_be_awaited,
    one_expiration_goes_to_one_of_many_waiters,
    a_source_is_reported_to_all_threads,
];

fn expirations(backend: Backend) -> AsyncIoTimer<TimerFd> {
    AsyncIoTimer::new(open(backend)).unwrap()
}

impl Awaited for AsyncIoTimer<Arc<TimerFd>> {
    const REFUSES_A_SECOND_REGISTRATION: bool = HERE.refuses_a_second_registration;

    fn new(timer: Arc<TimerFd>) -> io::Result<Self> {
        AsyncIoTimer::new(timer)
    }

    async fn wait(&self) -> io::Result<u64> {
        self.wait().await
    }

    fn run<R>(future: impl Future<Output = R>) -> R {
        block_on(future)
    }

    async fn within<R>(limit: Duration, future: impl Future<Output = R>) -> Option<R> {
        let end = async {
            ::async_io::Timer::after(limit).await;
            None
        };
        future::or(async { Some(future.await) }, end).await
    }
}

fn a_timer_and_a_socket_share_a_loop(backend: Backend) {
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

fn any_kind_of_timer_can_be_awaited(backend: Backend) {
    block_on(async {
        let boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
        let expirations = AsyncIoTimer::new(boxed).unwrap();
        expirations.get_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let shared = Arc::new(open(backend));
        let expirations = AsyncIoTimer::new(Arc::clone(&shared)).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let any: Arc<dyn Timer> = expirations.into_inner().unwrap();
        let expirations = AsyncIoTimer::new(any).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn one_expiration_goes_to_one_of_many_waiters(backend: Backend) {
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
        assert!(receiver.recv_timeout(ms(5)).is_err(), "no expiration was reported twice");
        drop(receiver);
        // One more expiration ends each waiter.
        expirations.get_ref().arm_every(ms(1)).unwrap();
    });
}

fn a_source_is_reported_to_all_threads(backend: Backend) {
    let source = AsyncIoSource::new(Heartbeat::new(open(backend))).unwrap();
    for _ in 0..20 {
        let goal = Clock::Monotonic.now().unwrap() + ms(1);
        source.get_ref().timer.arm_at(goal).unwrap();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    block_on(source.readable()).unwrap();
                    assert!(Clock::Monotonic.now().unwrap() >= goal);
                });
            }
        });
        assert_eq!(source.get_ref().timer.read().unwrap(), 1);
    }
}
