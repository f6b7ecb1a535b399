//! One time a moment ahead, and how late a loop is told that it has come: by a timer, by its own timeout, by a bare pipe.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Backend, Clock, Punctuality, Registered, Timer, TimerFd};
use std::os::fd::OwnedFd;
use std::sync::{mpsc, Arc};
use std::time::Duration;

/// Waits for a time so far ahead.
pub type Shooter = Box<dyn FnMut(Duration) -> Shot>;

/// How late the loop was told, in nanoseconds, and whether it had been told before, too early.
pub struct Shot {
    pub late: f64,
    pub was_early: bool,
}

pub fn now() -> Duration {
    Clock::Monotonic.now().expect("a clock")
}

/// A loop with one timer in it.
pub fn in_a_loop(row: &'static Backend, mode: Punctuality) -> (Arc<Poller>, Registered<TimerFd>) {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let timer = TimerFd::builder(Clock::Monotonic).backend(row).punctuality(mode).open().expect("a timer");
    let timer = Registered::new(&poller, timer, Event::readable(0), PollMode::Level).expect("registered");
    (poller, timer)
}

pub fn by_timer(row: &'static Backend, mode: Punctuality) -> Shooter {
    let (poller, timer) = in_a_loop(row, mode);
    let mut wait = until_an_event(poller);
    Box::new(move |delay| {
        let due = now() + delay;
        timer.arm_at(due).expect("settime");
        let shot = shot(due, &mut wait);
        assert_eq!(timer.read().expect("read"), 1);
        shot
    })
}

/// A loop that has nothing to wait for but the time.
pub fn by_timeout() -> Shooter {
    let poller = Poller::new().expect("a poller");
    let mut events = Events::new();
    Box::new(move |delay| {
        shot(now() + delay, |left| {
            events.clear();
            poller.wait(&mut events, Some(left)).expect("wait");
            true
        })
    })
}

/// The least that anything made of a pipe could do: a thread, long awake, that writes the moment the time has come. What is late
/// then is the loop, which has to wake up.
pub fn by_bare_pipe() -> Shooter {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    let reader = Registered::new(&poller, reader, Event::readable(0), PollMode::Level).expect("registered");
    let (times, told) = mpsc::channel::<Duration>();
    std::thread::spawn(move || told.into_iter().for_each(|due| write_at(due, std::slice::from_ref(&writer))));
    let mut wait = until_an_event(poller);
    Box::new(move |delay| {
        let due = now() + delay;
        times.send(due).expect("the thread is there");
        let shot = shot(due, &mut wait);
        assert_eq!(nix::unistd::read(&*reader, &mut [0; 8]).expect("read"), 8);
        shot
    })
}

/// Is awake some time before, and writes to one pipe after another from then on.
pub fn write_at(due: Duration, pipes: &[OwnedFd]) {
    const LEAD: Duration = Duration::from_micros(150);
    std::thread::sleep(due.saturating_sub(now() + LEAD));
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

/// Waits, by waits that are given the time left and say whether it is over, until it is.
fn shot(due: Duration, mut wait: impl FnMut(Duration) -> bool) -> Shot {
    let mut was_early = false;
    loop {
        let is_over = wait(due.saturating_sub(now()));
        if let Some(late) = now().checked_sub(due).filter(|_| is_over) {
            return Shot { late: late.as_nanos() as f64, was_early };
        }
        was_early |= is_over;
    }
}

/// Each shoots so often, 0.2 to 2 ms ahead, all in turns; nobody always comes after the same one. The first few don't count.
pub fn in_turns(shooters: &mut [Shooter], times: usize, mut count: impl FnMut(usize, Shot)) {
    let mut random = fastrand::Rng::with_seed(11);
    let mut order: Vec<usize> = (0..shooters.len()).collect();
    let warm_up = times / 20;
    for round in 0..warm_up + times {
        random.shuffle(&mut order);
        for &who in &order {
            let shot = shooters[who](Duration::from_micros(random.u64(200..=2_000)));
            if round >= warm_up {
                count(who, shot);
            }
        }
    }
}
