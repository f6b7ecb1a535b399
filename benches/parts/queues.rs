//! The timer queues, with few entries and with many.

use criterion::{BenchmarkId, Criterion};
use std::hint::black_box;

use crate::queue::{Queues, TimerId};

const HOUR: u64 = 3_600_000_000_000;

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    for size in [1, 1_000, 100_000] {
        // The work of `settime`: moves a random entry to a random time.
        group.bench_function(BenchmarkId::new("remove+insert", size), |bencher| {
            let (mut queue, ids, mut random) = filled(size);
            bencher.iter(|| queue.enqueue(ids[random.usize(..size)], 0, random.u64(..HOUR)));
        });
        group.bench_function(BenchmarkId::new("first", size), |bencher| {
            let (queue, ..) = filled(size);
            bencher.iter(|| black_box(&queue).first(0));
        });
        // The work of an expiration of a periodic timer. The entry goes back behind all others, so
        // the queue keeps its size.
        group.bench_function(BenchmarkId::new("pop_due+insert", size), |bencher| {
            let (mut queue, ..) = filled(size);
            bencher.iter(|| {
                let first = queue.pop_due(0, black_box(u64::MAX)).expect("all are due");
                queue.enqueue(first.id, 0, first.due + HOUR);
            });
        });
        group.bench_function(BenchmarkId::new("pop_due, nothing is", size), |bencher| {
            let (mut queue, ..) = filled(size);
            let first = queue.register();
            queue.enqueue(first, 0, 1);
            bencher.iter(|| black_box(&mut queue).pop_due(0, black_box(0)));
        });
    }
    group.finish();
}

/// Returns a queue, the ids of its entries, and the random number generator.
///
/// The entries are due at random times within an hour.
fn filled(size: usize) -> (Queues<u64, (), 1>, Vec<TimerId>, fastrand::Rng) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut queue = Queues::new();
    let ids: Vec<TimerId> = (0..size).map(|_| queue.register()).collect();
    ids.iter().for_each(|&id| queue.enqueue(id, 0, random.u64(..HOUR)));
    (queue, ids, random)
}
