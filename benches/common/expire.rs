//! The time until a loop has received the events of many timers that expire at one instant.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Backend, ClockTime, Registered, TimerFd};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{mpsc, Arc};
use std::time::Duration;

use super::compare::{order, percentile};
use super::latency::{now, write_at};
use super::timers::open;

/// Descriptors in one loop that all become readable at the same instant.
pub struct Burst {
    poller: Arc<Poller>,
    events: Events,
    /// Registers interest in one event of each descriptor.
    ask: Box<dyn Fn()>,
    arm: Box<dyn Fn(ClockTime)>,
    /// Makes all descriptors unreadable again.
    clear: Box<dyn Fn()>,
    many: usize,
    /// The time from arming to the instant. It must be long enough to arm all timers.
    ahead: Duration,
}

/// Returns, for each burst, the median of the nanoseconds per descriptor.
pub fn medians(bursts: &mut [Burst], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); bursts.len()];
    for round in 0..=rounds {
        for index in order(bursts.len(), round) {
            let time = bursts[index].expire().as_nanos() as f64 / bursts[index].many as f64;
            // The first round warms up.
            if round > 0 {
                times[index].push(time);
            }
        }
    }
    times.into_iter().map(|times| percentile(times, 50.0)).collect()
}

impl Burst {
    pub fn of_timers(backend: Backend, many: usize) -> Burst {
        let (poller, timers) = registered(many, || open(backend));
        let (armed, read) = (Arc::clone(&timers), Arc::clone(&timers));
        let arm = move |due| armed.iter().for_each(|timer: &Registered<TimerFd>| drop(timer.arm_at(due)));
        let clear = move || read.iter().for_each(|timer| assert_eq!(timer.wait(None).expect("read"), 1));
        Burst::new(poller, timers, Box::new(arm), Box::new(clear))
    }

    /// A lower bound: a thread that is already awake writes to one pipe after another.
    #[allow(dead_code)] // not every bench has them
    pub fn of_bare_pipes(many: usize) -> Burst {
        let mut writers = Vec::new();
        let (poller, readers) = registered(many, || {
            let (reader, writer) = nix::unistd::pipe().expect("a pipe");
            writers.push(writer);
            reader
        });
        let (times, received) = mpsc::channel::<ClockTime>();
        std::thread::spawn(move || received.into_iter().for_each(|due| write_at(due, &writers)));
        let read = Arc::clone(&readers);
        let one = |reader: &OwnedFd| nix::unistd::read(reader, &mut [0; 8]).expect("read");
        let clear = move || read.iter().for_each(|reader| assert_eq!(one(reader), 8));
        Burst::new(poller, readers, Box::new(move |due| times.send(due).expect("it is there")), Box::new(clear))
    }

    fn new<T: AsFd + 'static>(
        poller: Arc<Poller>,
        sources: Arc<Vec<Registered<T>>>,
        arm: Box<dyn Fn(ClockTime)>,
        clear: Box<dyn Fn()>,
    ) -> Burst {
        let many = sources.len();
        // One-shot is the default mode of `polling`.
        let ask_one = |(key, source): (usize, &Registered<T>)| source.modify(Event::readable(key), PollMode::Oneshot);
        let ask = Box::new(move || sources.iter().enumerate().for_each(|one| ask_one(one).expect("modify")));
        Burst { poller, events: Events::new(), ask, arm, clear, many, ahead: Duration::from_millis(3) }
    }

    /// Returns the time from the instant until the loop has received all events.
    fn expire(&mut self) -> Duration {
        (self.ask)();
        let due = loop {
            let due = now() + self.ahead;
            (self.arm)(due);
            if now() < due {
                break due;
            }
            // The instant came before all timers were armed: tries again with more time.
            self.ahead *= 2;
            (self.clear)();
            (self.ask)();
        };
        let mut missing = self.many;
        while missing > 0 {
            self.events.clear();
            self.poller.wait(&mut self.events, None).expect("wait");
            missing -= self.events.iter().count();
        }
        let took = now().saturating_duration_since(due);
        (self.clear)();
        took
    }
}

fn registered<T: AsFd + 'static>(many: usize, mut open: impl FnMut() -> T) -> (Arc<Poller>, Arc<Vec<Registered<T>>>) {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let mut register = |key| Registered::new(&poller, open(), Event::none(key), PollMode::Oneshot);
    let sources = (0..many).map(|key| register(key).expect("registered")).collect();
    (poller, Arc::new(sources))
}
