//! `TimerSet` compared with one timer's `set`, with tokio's `DelayQueue`, and with a heap above a
//! timer that is set at each change.

use portable_timerfd::timer_set::Key;
use portable_timerfd::{backends, Backend, TimerSet};
use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::compare::{medians, Candidate};
use super::deadlines::{Deadlines, OfDelayQueue, OfHeap, OfSet};
use super::heap;
use super::timers::{available_backends, open};
use super::Request;

const SIZES: [usize; 3] = [1, 1_000, 100_000];
const HOUR: Duration = Duration::from_secs(3600);
const KERNEL: Backend = backends::kernel::BACKEND;
/// The number of operations that are timed together.
const TIMES: usize = 1_000;
/// The number of random numbers and delays.
const RANDOM: usize = 1 << 17;

pub fn run(request: &Request) {
    SIZES.into_iter().for_each(|size| {
        rearm_later(request, size);
        insert_remove(request, size);
        expire(request, size);
    });
    memory(request);
    available_backends().into_iter().for_each(|backend| wakeups(request, backend));
}

fn filled<D: Deadlines>(mut deadlines: D, delays: impl Iterator<Item = Duration>) -> D {
    delays.for_each(|delay| deadlines.insert(delay));
    deadlines
}

/// Returns random numbers of entries: a few for each one, so that reading the numbers themselves
/// takes little time.
fn scattered(size: usize) -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(26);
    (0..RANDOM.min(4 * size)).map(|_| random.usize(0..size)).collect()
}

/// Times `op` with these items in order, again and again.
fn with_each<I: Copy + 'static>(items: Vec<I>, mut op: impl FnMut(I) + 'static) -> Candidate<'static> {
    let mut next = 0;
    Candidate::new(TIMES, move || {
        for _ in 0..TIMES {
            next = if next + 1 < items.len() { next + 1 } else { 0 };
            op(items[next]);
        }
    })
}

/// Re-arms entries of a set. The keys are at hand, as in the data of a connection.
fn rearming(backend: Backend, size: usize, numbers: &[usize]) -> Candidate<'static> {
    let mut deadlines = filled(OfSet::new(open(backend)), (0..size).map(|_| HOUR));
    let keys: Vec<Key> = numbers.iter().map(|&number| deadlines.keys[number]).collect();
    with_each(keys, move |key| assert!(deadlines.set().rearm_after(key, HOUR).expect("re-armed")))
}

fn settime() -> Candidate<'static> {
    let timer = open(KERNEL);
    Candidate::new(TIMES, move || (0..TIMES).for_each(|_| timer.arm_after(HOUR).expect("set")))
}

/// Times the first candidate against each of the other two, unless no line of that is wanted. The
/// others have a name and a bar each.
fn compare(
    request: &Request,
    operation: &str,
    others: [(&str, f64); 2],
    rounds: usize,
    candidates: impl FnOnce() -> [Candidate<'static>; 3],
) {
    let lines = others.map(|(other, bar)| (format!("set.{operation}/{other}"), bar));
    if !lines.iter().any(|(name, _)| request.wants(name)) {
        return;
    }
    let times = medians(&mut candidates(), request.rounds(rounds));
    for ((name, bar), &time) in lines.into_iter().zip(&times[1..]) {
        request.print(name, times[0], Some(time), bar);
    }
}

fn rearm_later(request: &Request, size: usize) {
    let in_order: Vec<usize> = (0..size).collect();
    for (order, numbers) in [("", in_order), ("_scattered", scattered(size))] {
        for backend in available_backends() {
            let others = [("kernel_settime", 0.10), ("heap", 1.0)];
            compare(request, &format!("{backend}.rearm_later{order}@{size}"), others, 500, || {
                let mut heap = filled(OfHeap::new(), (0..size).map(|_| HOUR));
                let heap = with_each(numbers.clone(), move |number| heap.rearm(number, HOUR));
                [rearming(backend, size, &numbers), settime(), heap]
            });
        }
    }
}

/// Replaces random entries by others with random delays, so that the heap changes in the middle.
fn replacing(mut deadlines: impl Deadlines + 'static, size: usize) -> Candidate<'static> {
    let mut random = fastrand::Rng::with_seed(27);
    let delays: Vec<Duration> = (0..RANDOM).map(|_| Duration::from_millis(random.u64(60_000..3_600_000))).collect();
    deadlines = filled(deadlines, delays.iter().copied().cycle().take(size));
    let replacements: Vec<(usize, Duration)> = scattered(size).into_iter().zip(delays.into_iter().rev()).collect();
    with_each(replacements, move |(number, delay)| deadlines.replace(number, delay))
}

fn insert_remove(request: &Request, size: usize) {
    let bar = if size > 1_000 { 1.2 } else { 1.0 };
    let others = [("delay_queue", bar), ("heap", 1.0)];
    compare(request, &format!("insert_remove@{size}"), others, 500, || {
        [
            replacing(OfSet::new(open(KERNEL)), size),
            replacing(OfDelayQueue::new(), size),
            replacing(OfHeap::new(), size),
        ]
    });
}

/// Takes this number of entries once all of them are due. The wait is not timed.
fn expiring(deadlines: impl Deadlines + 'static, size: usize) -> Candidate<'static> {
    // Filling takes a part of this time.
    let within = Duration::from_millis(if size > 1_000 { 500 } else { 5 });
    let mut random = fastrand::Rng::with_seed(28);
    let delays: Vec<Duration> = (0..size).map(|_| within + within.mul_f64(random.f64())).collect();
    let deadlines = std::rc::Rc::new(RefCell::new(deadlines));
    let shared = std::rc::Rc::clone(&deadlines);
    Candidate::new(size, move || shared.borrow_mut().take_all()).prepared_by(move || {
        delays.iter().for_each(|&delay| deadlines.borrow_mut().insert(delay));
        std::thread::sleep(2 * within + Duration::from_millis(2));
    })
}

fn expire(request: &Request, size: usize) {
    // The heap has no keys, and its values are numbers.
    let others = [("delay_queue", 0.8), ("heap", 1.5)];
    let rounds = if size > 1_000 { 10 } else { 100 };
    compare(request, &format!("expire@{size}"), others, rounds, || {
        [expiring(OfSet::new(open(KERNEL)), size), expiring(OfDelayQueue::new(), size), expiring(OfHeap::new(), size)]
    });
}

/// The bytes for each slot of capacity besides a value of 8 bytes.
fn memory(request: &Request) {
    if request.wants("set.memory_bytes") {
        let fill = |set: &mut TimerSet<u64>| (0..100_000).for_each(|value| drop(set.insert_after(HOUR, value)));
        let mut set = TimerSet::with_timer(open(KERNEL)).expect("a set");
        let (bytes, ()) = heap::growth(|| fill(&mut set));
        request.print("set.memory_bytes".to_owned(), bytes as f64 / set.capacity() as f64 - 8.0, None, 64.0);
    }
}

/// Re-arms 10,000 connections 100 times a second for ten seconds, with a timeout of one second.
fn wakeups(request: &Request, backend: Backend) {
    const CONNECTIONS: usize = 10_000;
    const TICK: Duration = Duration::from_millis(10);
    const SECOND: Duration = Duration::from_secs(1);
    let name = format!("set.{backend}.wakeups_in_10_s");
    if !request.wants(&name) {
        return;
    }
    let mut deadlines = filled(OfSet::new(open(backend)), (0..CONNECTIONS).map(|_| SECOND));
    let (keys, mut wakeups) = (std::mem::take(&mut deadlines.keys), 0);
    let (set, start) = (deadlines.set(), Instant::now());
    for tick in 1..=1_000 {
        keys.iter().for_each(|&key| assert!(set.rearm_after(key, SECOND).expect("re-armed")));
        while let Some(left) = (start + TICK * tick).checked_duration_since(Instant::now()) {
            if set.wait_readable(Some(left)).is_ok() {
                wakeups += 1;
                assert!(set.next_expired().expect("a drain").is_none());
            }
        }
    }
    request.print(name, f64::from(wakeups), None, 20.0);
}
