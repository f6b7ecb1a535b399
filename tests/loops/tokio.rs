//! tokio: expirations awaited.

use crate::support::*;
use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::runtime::{Builder, Runtime};
use ::tokio::time::timeout;
use futures_lite::StreamExt;
use portable_timerfd::loops::tokio::Expirations;
use portable_timerfd::{Backend, Clock, CreateFlags, Timer, TimerFd, TimerSpec};
use std::future::Future;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    a_timer_ticks_beside_a_socket,
    any_kind_of_timer_can_be_awaited,
    a_timer_dropped_while_registered_leaves_the_runtime_in_order,
    a_task_that_ends_while_it_waits_takes_its_timer_with_it,
    dropped_futures_lose_no_expiration,
    one_expiration_goes_to_one_of_many_tasks,
    a_stream_gives_the_counts,
    a_blocking_timer_does_not_block_the_runtime,
    without_a_runtime_it_is_an_error,
    a_runtime_that_ends_ends_the_waiting,
    a_timer_is_registered_once,
];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn run<R>(future: impl Future<Output = R>) -> R {
    runtime().block_on(future)
}

fn expirations(backend: &'static Backend) -> Expirations<TimerFd> {
    Expirations::new(open(backend)).unwrap()
}

fn a_timer_ticks_beside_a_socket(backend: &'static Backend) {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let expirations = expirations(backend);
        expirations.get_ref().arm_every(ms(2)).unwrap();
        let (mut ticks, mut echoes) = (0, 0);
        let mut bytes = [0; 64];
        while ticks < 5 || echoes < 5 {
            ::tokio::select! {
                count = expirations.wait() => {
                    ticks += count.unwrap();
                    client.write_all(b"tick").await.unwrap();
                }
                length = server.read(&mut bytes) => echoes += length.unwrap() / 4,
            }
        }
    });
}

fn any_kind_of_timer_can_be_awaited(backend: &'static Backend) {
    run(async {
        let boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
        let expirations = Expirations::new(boxed).unwrap();
        expirations.get_ref().as_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let shared = Arc::new(open(backend));
        let expirations = Expirations::new(Arc::clone(&shared)).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let any: Arc<dyn Timer> = expirations.into_inner();
        let expirations = Expirations::new(any).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn a_timer_dropped_while_registered_leaves_the_runtime_in_order(backend: &'static Backend) {
    run(async {
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

fn a_task_that_ends_while_it_waits_takes_its_timer_with_it(backend: &'static Backend) {
    run(async {
        let timer = Arc::new(open(backend));
        let expirations = Expirations::new(Arc::clone(&timer)).unwrap();
        let task = ::tokio::spawn(async move { expirations.wait().await });
        ::tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&timer), 2);
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&timer), 1);
        let expirations = Expirations::new(timer).unwrap();
        expirations.get_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn dropped_futures_lose_no_expiration(backend: &'static Backend) {
    const INTERVAL: Duration = Duration::from_micros(300);
    run(async {
        let expirations = expirations(backend);
        let first = Clock::Monotonic.now().unwrap() + ms(1);
        expirations.get_ref().settime(&TimerSpec::at(first).every(INTERVAL)).unwrap();
        let mut told = 0;
        for round in 0..200 {
            let limit = Duration::from_micros(round * 10);
            told += timeout(limit, expirations.wait()).await.map_or(0, |count| count.unwrap());
        }
        assert_counts_by_the_clock(Clock::Monotonic, first, INTERVAL, || {
            // What it has not told of is still there.
            told + expirations.into_inner().wait(None).unwrap()
        });
    });
}

fn one_expiration_goes_to_one_of_many_tasks(backend: &'static Backend) {
    const EXPIRATIONS: u64 = 100;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let expirations = Arc::new(expirations(backend));
        let (sender, mut receiver) = ::tokio::sync::mpsc::unbounded_channel();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (expirations, sender) = (Arc::clone(&expirations), sender.clone());
                ::tokio::spawn(async move {
                    while let Ok(count) = expirations.wait().await {
                        sender.send(count).unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..EXPIRATIONS {
            expirations.get_ref().arm_after(Duration::from_micros(100)).unwrap();
            assert_eq!(receiver.recv().await, Some(1));
        }
        assert!(timeout(ms(5), receiver.recv()).await.is_err(), "none was told of twice");
        tasks.iter().for_each(|task| task.abort());
    });
}

fn a_stream_gives_the_counts(backend: &'static Backend) {
    run(async {
        let mut expirations = expirations(backend);
        let first = Clock::Monotonic.now().unwrap() + ms(1);
        expirations.get_ref().settime(&TimerSpec::at(first).every(ms(1))).unwrap();
        let mut told = 0;
        for _ in 0..5 {
            told += expirations.next().await.unwrap().unwrap();
        }
        assert_counts_by_the_clock(Clock::Monotonic, first, ms(1), || {
            told + expirations.into_inner().wait(None).unwrap()
        });
    });
}

fn a_blocking_timer_does_not_block_the_runtime(backend: &'static Backend) {
    run(async {
        let expirations = Expirations::new(Arc::new(open_blocking(backend))).unwrap();
        let timer = expirations.get_ref();
        timer.arm_after(Duration::ZERO).unwrap();
        until_readable(timer);
        // The runtime is told of an expiration that somebody else takes.
        ::tokio::task::yield_now().await;
        assert_eq!(timer.read().unwrap(), 1);
        assert!(timeout(ms(5), expirations.wait()).await.is_err());
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn without_a_runtime_it_is_an_error(backend: &'static Backend) {
    assert_eq!(Expirations::new(open(backend)).unwrap_err().kind(), ErrorKind::Other);
}

fn a_runtime_that_ends_ends_the_waiting(backend: &'static Backend) {
    let runtime = runtime();
    let expirations = runtime.block_on(async { expirations(backend) });
    drop(runtime);
    assert_eq!(run(expirations.wait()).unwrap_err().kind(), ErrorKind::Other);
    let timer = expirations.into_inner();
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn a_timer_is_registered_once(backend: &'static Backend) {
    run(async {
        let timer = Arc::new(open(backend));
        let first = Expirations::new(Arc::clone(&timer)).unwrap();
        let second = Expirations::new(Arc::clone(&timer));
        assert_eq!(second.unwrap_err().kind(), ErrorKind::AlreadyExists);
        timer.arm_after(ms(1)).unwrap();
        assert_eq!(first.wait().await.unwrap(), 1, "the first is not disturbed");
    });
}
