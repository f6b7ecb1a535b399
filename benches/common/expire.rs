//! What it takes until a loop has been told of each of many times that come at the same instant.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Backend, Registered, Timer, TimerFd};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{mpsc, Arc};
use std::time::Duration;

use super::contest::{order, percentile};
use super::rows::open;
use super::shots::{now, write_at};

/// Descriptors in one loop, all to be readable at the same instant.
pub struct Company {
    poller: Arc<Poller>,
    events: Events,
    /// Asks for one event of each.
    ask: Box<dyn Fn()>,
    arm: Box<dyn Fn(Duration)>,
    /// Makes them unreadable again.
    clear: Box<dyn Fn()>,
    many: usize,
    /// How far ahead the instant is: long enough to set them all.
    ahead: Duration,
}

/// For each of them, the median of the nanoseconds that each descriptor takes.
pub fn medians(companies: &mut [Company], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); companies.len()];
    for round in 0..=rounds {
        for who in order(companies.len(), round) {
            let time = companies[who].expire().as_nanos() as f64 / companies[who].many as f64;
            // The first is for warming up.
            if round > 0 {
                times[who].push(time);
            }
        }
    }
    times.into_iter().map(|times| percentile(times, 50.0)).collect()
}

impl Company {
    pub fn of_timers(row: &'static Backend, many: usize) -> Company {
        let (poller, timers) = registered(many, || open(row));
        let (armed, read) = (Arc::clone(&timers), Arc::clone(&timers));
        let arm = move |due| armed.iter().for_each(|timer: &Registered<TimerFd>| drop(timer.arm_at(due)));
        let clear = move || read.iter().for_each(|timer| assert_eq!(timer.wait(None).expect("read"), 1));
        Company::new(poller, timers, Box::new(arm), Box::new(clear))
    }

    /// The least that anything made of pipes could take: a thread, long awake, that writes to one after another.
    #[allow(dead_code)] // not every bench has them
    pub fn of_bare_pipes(many: usize) -> Company {
        let mut writers = Vec::new();
        let (poller, readers) = registered(many, || {
            let (reader, writer) = nix::unistd::pipe().expect("a pipe");
            writers.push(writer);
            reader
        });
        let (times, told) = mpsc::channel::<Duration>();
        std::thread::spawn(move || told.into_iter().for_each(|due| write_at(due, &writers)));
        let read = Arc::clone(&readers);
        let one = |reader: &OwnedFd| nix::unistd::read(reader, &mut [0; 8]).expect("read");
        let clear = move || read.iter().for_each(|reader| assert_eq!(one(reader), 8));
        Company::new(poller, readers, Box::new(move |due| times.send(due).expect("it is there")), Box::new(clear))
    }

    fn new<T: AsFd + 'static>(
        poller: Arc<Poller>,
        sources: Arc<Vec<Registered<T>>>,
        arm: Box<dyn Fn(Duration)>,
        clear: Box<dyn Fn()>,
    ) -> Company {
        let many = sources.len();
        // Each is told of once, as is polling's way if no other is asked for.
        let ask_one = |(key, source): (usize, &Registered<T>)| source.modify(Event::readable(key), PollMode::Oneshot);
        let ask = Box::new(move || sources.iter().enumerate().for_each(|one| ask_one(one).expect("modify")));
        Company { poller, events: Events::new(), ask, arm, clear, many, ahead: Duration::from_millis(3) }
    }

    /// How long after the instant the loop has been told of all.
    fn expire(&mut self) -> Duration {
        (self.ask)();
        let due = loop {
            let due = now() + self.ahead;
            (self.arm)(due);
            if now() < due {
                break due;
            }
            // It came before all were set.
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
        let took = now() - due;
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
