//! All timers' order, with few in it and with many.

use criterion::{BenchmarkId, Criterion};
use std::hint::black_box;

use crate::queue::{Place, Queue};

const HOUR: u64 = 3_600_000_000_000;

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    for size in [1, 1_000, 100_000] {
        // What setting a timer to another time does: out of one place, into another, both anywhere.
        group.bench_function(BenchmarkId::new("remove+insert", size), |bencher| {
            let (mut queue, mut places, mut random) = filled(size);
            bencher.iter(|| {
                let place = &mut places[random.usize(..size)];
                let thing = queue.remove(*place).expect("what was put");
                place.due = random.u64(..HOUR);
                queue.insert(*place, thing);
            });
        });
        group.bench_function(BenchmarkId::new("first", size), |bencher| {
            let (queue, ..) = filled(size);
            bencher.iter(|| black_box(&queue).first());
        });
        // What a period does. The thing goes back behind all others, so that the queue stays as it is.
        group.bench_function(BenchmarkId::new("pop_due+insert", size), |bencher| {
            let (mut queue, ..) = filled(size);
            bencher.iter(|| {
                let (place, thing) = queue.pop_due(black_box(u64::MAX)).expect("all are due");
                queue.insert(Place { due: place.due + HOUR, ..place }, thing);
            });
        });
        group.bench_function(BenchmarkId::new("pop_due, nothing is", size), |bencher| {
            let (mut queue, ..) = filled(size);
            queue.insert(Place { due: 1, id: u64::MAX }, u64::MAX);
            bencher.iter(|| black_box(&mut queue).pop_due(black_box(0)));
        });
    }
    group.finish();
}

/// So many things anywhere within an hour, where they stand, and what chose it.
fn filled(size: usize) -> (Queue<u64>, Vec<Place>, fastrand::Rng) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut queue = Queue::default();
    let places: Vec<Place> = (0..size as u64).map(|id| Place { due: random.u64(..HOUR), id }).collect();
    places.iter().for_each(|&place| queue.insert(place, place.id));
    (queue, places, random)
}
