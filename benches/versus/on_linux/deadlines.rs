//! Three ways to have many deadlines: `TimerSet`, tokio's `DelayQueue`, and a heap above a timer
//! that is set at each change.

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use portable_timerfd::timer_set::Key;
use portable_timerfd::{backends, TimerFd, TimerSet};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio_util::time::delay_queue::{self, DelayQueue};

use super::timers::open;

/// Entries that are numbered from 0 on.
pub trait Deadlines {
    fn insert(&mut self, delay: Duration);
    /// Removes an entry, and inserts another one of this number.
    fn replace(&mut self, number: usize, delay: Duration);
    /// Takes all entries, which are due, and forgets their numbers.
    fn take_all(&mut self);
}

pub struct OfSet {
    set: TimerSet<u64>,
    pub keys: Vec<Key>,
}

impl OfSet {
    pub fn new(timer: TimerFd) -> OfSet {
        OfSet { set: TimerSet::with_timer(timer).expect("a set"), keys: Vec::new() }
    }

    pub fn set(&mut self) -> &mut TimerSet<u64> {
        &mut self.set
    }
}

impl Deadlines for OfSet {
    fn insert(&mut self, delay: Duration) {
        self.keys.push(self.set.insert_after(delay, 0).expect("a key"));
    }

    fn replace(&mut self, number: usize, delay: Duration) {
        self.set.remove(self.keys[number]).expect("an entry");
        self.keys[number] = self.set.insert_after(delay, 0).expect("a key");
    }

    fn take_all(&mut self) {
        self.set.wait_readable(None).expect("readable");
        while self.set.next_expired().expect("drained").is_some() {}
        assert!(self.set.is_empty());
        self.keys.clear();
    }
}

pub struct OfDelayQueue {
    runtime: &'static Runtime,
    /// Entered once, so that the queue finds its runtime without cost.
    _entered: EnterGuard<'static>,
    queue: DelayQueue<u64>,
    keys: Vec<delay_queue::Key>,
}

impl OfDelayQueue {
    pub fn new() -> OfDelayQueue {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let runtime: &'static Runtime = Box::leak(Box::new(runtime));
        OfDelayQueue { runtime, _entered: runtime.enter(), queue: DelayQueue::new(), keys: Vec::new() }
    }
}

impl Deadlines for OfDelayQueue {
    fn insert(&mut self, delay: Duration) {
        self.keys.push(self.queue.insert(0, delay));
    }

    fn replace(&mut self, number: usize, delay: Duration) {
        self.queue.remove(&self.keys[number]);
        self.keys[number] = self.queue.insert(0, delay);
    }

    fn take_all(&mut self) {
        let OfDelayQueue { runtime, queue, keys, .. } = self;
        let all = async { while std::future::poll_fn(|context| queue.poll_expired(context)).await.is_some() {} };
        // The task budget would stop it after 128 entries.
        runtime.block_on(tokio::task::unconstrained(all));
        assert!(queue.is_empty());
        keys.clear();
    }
}

/// A former deadline of an entry stays in the heap until it is the first one, or until half of the
/// heap is former deadlines.
pub struct OfHeap {
    timer: TimerFd,
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    deadlines: Vec<Instant>,
}

impl OfHeap {
    pub fn new() -> OfHeap {
        OfHeap { timer: open(backends::kernel::BACKEND), heap: BinaryHeap::new(), deadlines: Vec::new() }
    }

    pub fn rearm(&mut self, number: usize, delay: Duration) {
        let now = Instant::now();
        self.deadlines[number] = now + delay;
        self.heap.push(Reverse((now + delay, number)));
        if self.heap.len() > 2 * self.deadlines.len() + 64 {
            let deadlines = &self.deadlines;
            self.heap.retain(|Reverse((deadline, number))| deadlines[*number] == *deadline);
        }
        self.arm(now);
    }

    fn arm(&mut self, now: Instant) {
        let first = self.heap.peek().map(|Reverse((deadline, _))| deadline.saturating_duration_since(now));
        first.map_or_else(|| self.timer.disarm(), |first| self.timer.arm_after(first)).expect("set");
    }
}

impl Deadlines for OfHeap {
    fn insert(&mut self, delay: Duration) {
        self.deadlines.push(Instant::now());
        self.rearm(self.deadlines.len() - 1, delay);
    }

    fn replace(&mut self, number: usize, delay: Duration) {
        self.rearm(number, delay);
    }

    fn take_all(&mut self) {
        let mut polled = [PollFd::new(self.timer.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::NONE).expect("readable");
        self.timer.read().expect("a count");
        let now = Instant::now();
        let mut taken = 0;
        while let Some(&Reverse((deadline, number))) = self.heap.peek().filter(|first| first.0 .0 <= now) {
            self.heap.pop();
            taken += usize::from(self.deadlines[number] == deadline);
        }
        assert_eq!(taken, self.deadlines.len());
        self.deadlines.clear();
        self.arm(now);
    }
}
