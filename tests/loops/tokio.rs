//! tokio: awaited expirations.

use crate::awaited::Awaited;
use crate::poller_behaviour::IN_MIO;
use crate::sources::Heartbeat;
use crate::support::*;
use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::runtime::{Builder, Runtime};
use ::tokio::time::timeout;
use futures_lite::StreamExt;
use portable_timerfd::loops::tokio::{TokioSource, TokioTimer};
use portable_timerfd::{Backend, Clock, ClockTime, CreateFlags, Pollable, Timer, TimerFd, TimerSet, TimerSpec};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

crate::cases![
    a_timer_and_a_socket_share_a_loop,
    any_kind_of_timer_can_be_awaited,
    a_task_that_ends_while_it_waits_drops_its_timer,
    one_expiration_goes_to_one_of_many_tasks,
    without_a_runtime_it_is_an_error,
    a_runtime_that_ends_ends_the_waiting,
    a_failed_read_is_reported_and_loses_nothing,
    a_source_without_a_runtime_is_an_error,
    a_runtime_that_ends_ends_the_waiting_for_a_source,
    a_source_is_reported_to_all_tasks,
    a_task_waits_for_entries_of_a_set_and_for_messages_in_turns,
    sets_of_several_threads_lose_no_entry,
];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn run<R>(future: impl Future<Output = R>) -> R {
    runtime().block_on(future)
}

impl Awaited for TokioTimer<Arc<TimerFd>> {
    const REFUSES_A_SECOND_REGISTRATION: bool = IN_MIO.mio_refuses_a_second_registration;

    fn new(timer: Arc<TimerFd>) -> io::Result<Self> {
        TokioTimer::new(timer)
    }

    async fn wait(&self) -> io::Result<u64> {
        self.wait().await
    }

    fn run<R>(future: impl Future<Output = R>) -> R {
        run(future)
    }

    async fn within<R>(limit: Duration, future: impl Future<Output = R>) -> Option<R> {
        timeout(limit, future).await.ok()
    }
}

fn expirations(backend: Backend) -> TokioTimer<TimerFd> {
    TokioTimer::new(open(backend)).unwrap()
}

fn a_timer_and_a_socket_share_a_loop(backend: Backend) {
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

fn any_kind_of_timer_can_be_awaited(backend: Backend) {
    run(async {
        let boxed: Box<dyn Timer> = backend.open(Clock::Monotonic, CreateFlags::default()).unwrap();
        let expirations = TokioTimer::new(boxed).unwrap();
        expirations.get_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let shared = Arc::new(open(backend));
        let expirations = TokioTimer::new(Arc::clone(&shared)).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
        let any: Arc<dyn Timer> = expirations.into_inner();
        let expirations = TokioTimer::new(any).unwrap();
        shared.arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn a_task_that_ends_while_it_waits_drops_its_timer(backend: Backend) {
    run(async {
        let timer = Arc::new(open(backend));
        let expirations = TokioTimer::new(Arc::clone(&timer)).unwrap();
        let task = ::tokio::spawn(async move { expirations.wait().await });
        ::tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&timer), 2);
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&timer), 1);
        let expirations = TokioTimer::new(timer).unwrap();
        expirations.get_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn one_expiration_goes_to_one_of_many_tasks(backend: Backend) {
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
        assert!(timeout(ms(5), receiver.recv()).await.is_err(), "no expiration was reported twice");
        tasks.iter().for_each(|task| task.abort());
    });
}

/// A timer whose first read fails and takes no count.
#[derive(Debug)]
struct Failing(TimerFd, AtomicBool);

impl Pollable for Failing {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Timer for Failing {
    fn clock(&self) -> Clock {
        self.0.clock()
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        self.0.now(clock)
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.0.replace(new)
    }

    fn get(&self) -> io::Result<TimerSpec> {
        self.0.get()
    }

    fn read(&self) -> io::Result<u64> {
        if self.1.swap(false, Ordering::Relaxed) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        self.0.read()
    }
}

fn a_failed_read_is_reported_and_loses_nothing(backend: Backend) {
    run(async {
        let expirations = TokioTimer::new(Failing(open(backend), AtomicBool::new(true))).unwrap();
        expirations.get_ref().arm_after(ms(1)).unwrap();
        assert_eq!(expirations.wait().await.unwrap_err().kind(), ErrorKind::OutOfMemory);
        assert_eq!(expirations.wait().await.unwrap(), 1);
    });
}

fn without_a_runtime_it_is_an_error(backend: Backend) {
    assert_eq!(TokioTimer::new(open(backend)).unwrap_err().kind(), ErrorKind::Other);
}

fn a_runtime_that_ends_ends_the_waiting(backend: Backend) {
    let runtime = runtime();
    let expirations = runtime.block_on(async { expirations(backend) });
    drop(runtime);
    assert_eq!(run(expirations.wait()).unwrap_err().kind(), ErrorKind::Other);
    let mut expirations = expirations;
    assert_eq!(run(expirations.next()).unwrap().unwrap_err().kind(), ErrorKind::Other);
    let timer = expirations.into_inner();
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn a_source_without_a_runtime_is_an_error(backend: Backend) {
    let source = TokioSource::new(Heartbeat::new(open(backend)));
    assert_eq!(source.unwrap_err().kind(), ErrorKind::Other);
}

fn a_runtime_that_ends_ends_the_waiting_for_a_source(backend: Backend) {
    let runtime = runtime();
    let source = runtime.block_on(async { TokioSource::new(Heartbeat::new(open(backend))).unwrap() });
    drop(runtime);
    assert_eq!(run(source.readable()).unwrap_err().kind(), ErrorKind::Other);
    let timer = source.into_inner().timer;
    timer.arm_after(ms(1)).unwrap();
    assert_eq!(timer.wait(None).unwrap(), 1);
}

fn a_source_is_reported_to_all_tasks(backend: Backend) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let source = Arc::new(TokioSource::new(Heartbeat::new(open(backend))).unwrap());
        for _ in 0..20 {
            let goal = Clock::Monotonic.now().unwrap() + ms(1);
            source.get_ref().timer.arm_at(goal).unwrap();
            let wait = |source: Arc<TokioSource<Heartbeat>>| async move {
                source.readable().await.unwrap();
                assert!(Clock::Monotonic.now().unwrap() >= goal);
            };
            let tasks = [(); 3].map(|()| ::tokio::spawn(wait(Arc::clone(&source))));
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(source.get_ref().timer.read().unwrap(), 1);
        }
    });
}

/// Each message re-arms an entry to an earlier time than the others.
fn a_task_waits_for_entries_of_a_set_and_for_messages_in_turns(backend: Backend) {
    run(async {
        let mut timeouts = TokioSource::new(TimerSet::with_timer(open(backend)).unwrap()).unwrap();
        let keys = [0, 1, 2].map(|client| timeouts.get_mut().insert_after(HOUR, client).unwrap());
        let (sender, mut receiver) = ::tokio::sync::mpsc::unbounded_channel();
        let sending = ::tokio::spawn(async move {
            for client in [2, 0, 1] {
                sender.send(client).unwrap();
                ::tokio::task::yield_now().await;
            }
        });
        let mut idle = Vec::new();
        while idle.len() < 3 {
            ::tokio::select! {
                biased;
                Some(client) = receiver.recv() => {
                    assert!(timeouts.get_mut().rearm_after(keys[client], ms(1)).unwrap());
                }
                expired = timeouts.next_expired() => idle.extend(expired.unwrap().value),
            }
        }
        sending.await.unwrap();
        assert_eq!(idle, [2, 0, 1]);
    });
}

/// Another thread can run the driver, which reports the timer at any moment of a call that waits.
fn sets_of_several_threads_lose_no_entry(backend: Backend) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let wait = |seed: u64| async move {
            let mut timeouts = TokioSource::new(TimerSet::with_timer(open(backend)).unwrap()).unwrap();
            for n in 0..1000 {
                let delay = Duration::from_nanos((n * 97 + seed) % 20_000);
                timeouts.get_mut().insert_after(delay, n).unwrap();
                assert_eq!(timeouts.next_expired().await.unwrap().value, Some(n));
            }
        };
        for task in [0, 7, 100, 1003].map(|seed| ::tokio::spawn(wait(seed))) {
            task.await.unwrap();
        }
    });
}
