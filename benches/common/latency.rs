//! The latency with which a loop wakes up: by a timer, by its own timeout, or by a bare pipe.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Accuracy, Backend, Clock, ClockTime, Registered, TimerFd};
use std::os::fd::OwnedFd;
use std::sync::{mpsc, Arc};
use std::time::Duration;

/// Waits for a time this far ahead.
pub type Waiter = Box<dyn FnMut(Duration) -> LatencySample>;

/// The latency of one wait in nanoseconds, and whether the loop also woke up too early.
pub struct LatencySample {
    pub nanos: f64,
    pub was_early: bool,
}

pub fn now() -> ClockTime {
    Clock::Monotonic.now().expect("a clock")
}

/// Creates a loop with one registered timer.
pub fn in_a_loop(backend: Backend, mode: Accuracy) -> (Arc<Poller>, Registered<TimerFd>) {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let timer = TimerFd::builder(Clock::Monotonic).backend(backend).accuracy(mode).open().expect("a timer");
    let timer = Registered::new(&poller, timer, Event::readable(0), PollMode::Level).expect("registered");
    (poller, timer)
}

pub fn by_timer(backend: Backend, mode: Accuracy) -> Waiter {
    let (poller, timer) = in_a_loop(backend, mode);
    let mut wait = until_an_event(poller);
    Box::new(move |delay| {
        let due = now() + delay;
        timer.arm_at(due).expect("set");
        let sample = sample(due, &mut wait);
        assert_eq!(timer.read().expect("read"), 1);
        sample
    })
}

/// Waits with the timeout of a loop that has no registered descriptor.
pub fn by_timeout() -> Waiter {
    let poller = Poller::new().expect("a poller");
    let mut events = Events::new();
    Box::new(move |delay| {
        sample(now() + delay, |left| {
            events.clear();
            poller.wait(&mut events, Some(left)).expect("wait");
            true
        })
    })
}

/// A lower bound: a thread that is already awake writes to a pipe at the exact time.
///
/// The latency is then only that of the loop, which has to wake up.
pub fn by_bare_pipe() -> Waiter {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    let reader = Registered::new(&poller, reader, Event::readable(0), PollMode::Level).expect("registered");
    let (times, received) = mpsc::channel::<ClockTime>();
    std::thread::spawn(move || received.into_iter().for_each(|due| write_at(due, std::slice::from_ref(&writer))));
    let mut wait = until_an_event(poller);
    Box::new(move |delay| {
        let due = now() + delay;
        times.send(due).expect("the thread is there");
        let sample = sample(due, &mut wait);
        assert_eq!(nix::unistd::read(&*reader, &mut [0; 8]).expect("read"), 8);
        sample
    })
}

/// Wakes up 150 µs before `due`, spins until then, and writes to one pipe after another.
pub fn write_at(due: ClockTime, pipes: &[OwnedFd]) {
    const WAKE_AHEAD: Duration = Duration::from_micros(150);
    std::thread::sleep(due.saturating_duration_since(now() + WAKE_AHEAD));
    while now() < due {
        std::hint::spin_loop();
    }
    for pipe in pipes {
        nix::unistd::write(pipe, &[0; 8]).expect("write");
    }
}

fn until_an_event(poller: Arc<Poller>) -> impl FnMut(Duration) -> bool {
    let mut events = Events::new();
    move |_| {
        events.clear();
        poller.wait(&mut events, None).expect("wait");
        !events.is_empty()
    }
}

/// Calls `wait` with the remaining time until it reports an event at or after `due`.
fn sample(due: ClockTime, mut wait: impl FnMut(Duration) -> bool) -> LatencySample {
    let mut was_early = false;
    loop {
        let is_over = wait(due.saturating_duration_since(now()));
        if let Some(late) = now().checked_duration_since(due).filter(|_| is_over) {
            return LatencySample { nanos: late.as_nanos() as f64, was_early };
        }
        was_early |= is_over;
    }
}

/// Runs each waiter `times` times, 0.2 to 2 ms ahead, all in turns and in random order.
///
/// A twentieth more rounds run first, to warm up.
pub fn in_turns(waiters: &mut [Waiter], times: usize, mut count: impl FnMut(usize, LatencySample)) {
    let mut random = fastrand::Rng::with_seed(11);
    let mut order: Vec<usize> = (0..waiters.len()).collect();
    let warm_up = times / 20;
    for round in 0..warm_up + times {
        random.shuffle(&mut order);
        for &index in &order {
            let sample = waiters[index](Duration::from_micros(random.u64(200..=2_000)));
            if round >= warm_up {
                count(index, sample);
            }
        }
    }
}
