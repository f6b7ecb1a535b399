//! The cost of the userspace backend's queue by itself, with few entries and with many.

use plotters::prelude::{RGBColor, SeriesLabelPosition};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use crate::axis::Axis;
use crate::compare::{medians, Candidate};
use crate::plot::{svg, Curve, Kind, Panel};
use crate::queue::{Queues, TimerId};
use crate::scheme::{BLUE, GREEN, ORANGE};
use crate::Request;

const SIZES: [usize; 13] = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const OPS: [(&str, RGBColor); 3] =
    [("insert one and remove it", ORANGE), ("move one to another time", BLUE), ("take the first", GREEN)];

/// A queue, the ids of its entries, and the ids that were removed.
struct FilledQueue {
    queue: Queues<u64, (), 1>,
    ids: Vec<TimerId>,
    taken: Vec<TimerId>,
    random: fastrand::Rng,
}

/// Returns, for each size, the nanoseconds of each operation.
pub fn measure(request: &Request) -> Vec<(usize, Vec<f64>)> {
    let times = |size| {
        eprintln!("  the queue alone, {size} entries");
        let mut candidates = [insert_and_remove(size), replace(size), take_first(size)];
        (size, medians(&mut candidates, request.rounds(2_000)))
    };
    SIZES.into_iter().map(times).collect()
}

impl FilledQueue {
    fn new(size: usize) -> FilledQueue {
        let mut queue = Queues::new();
        let ids: Vec<TimerId> = (0..size).map(|_| queue.register()).collect();
        let mut full = FilledQueue { queue, taken: ids.clone(), ids, random: fastrand::Rng::with_seed(5) };
        full.refill();
        full
    }

    /// Enqueues an entry at a random time within an hour.
    fn enqueue(&mut self, id: TimerId) {
        let due = self.random.u64(0..3_600_000_000_000);
        self.queue.enqueue(id, 0, due);
    }

    /// Enqueues the removed entries again.
    fn refill(&mut self) {
        while let Some(id) = self.taken.pop() {
            self.enqueue(id);
        }
    }
}

fn insert_and_remove(size: usize) -> Candidate<'static> {
    let mut full = FilledQueue::new(size);
    let id = full.queue.register();
    Candidate::new(100, move || {
        for _ in 0..100 {
            full.enqueue(id);
            full.queue.dequeue(id);
        }
    })
}

fn replace(size: usize) -> Candidate<'static> {
    let mut full = FilledQueue::new(size);
    Candidate::new(100, move || {
        for _ in 0..100 {
            let which = full.random.usize(0..size);
            full.enqueue(full.ids[which]);
        }
    })
}

fn take_first(size: usize) -> Candidate<'static> {
    let batch = size.min(100);
    let full = Rc::new(RefCell::new(FilledQueue::new(size)));
    let again = Rc::clone(&full);
    let run = move || {
        let mut full = full.borrow_mut();
        for _ in 0..batch {
            let first = full.queue.pop_due(0, u64::MAX).expect("it is not empty");
            full.taken.push(first.id);
        }
    };
    Candidate::new(batch, run).prepared_by(move || again.borrow_mut().refill())
}

pub fn picture(points: &[(usize, Vec<f64>)]) -> Result<String, Box<dyn Error>> {
    let curve = |(place, (name, color)): (usize, (&str, RGBColor))| Curve {
        name: name.to_owned(),
        color,
        kind: Kind::Dots,
        points: points.iter().map(|(size, times)| (*size as f64, times[place])).collect(),
    };
    let panel = Panel {
        title: String::new(),
        x: Axis::log("entries", points.iter().map(|point| point.0 as f64)),
        y: Axis::log("ns", points.iter().flat_map(|point| point.1.iter().copied())),
        legend: Some(SeriesLabelPosition::UpperLeft),
        curves: OPS.into_iter().enumerate().map(curve).collect(),
    };
    svg("Cost of the queue alone against its size", 1, &[panel])
}
