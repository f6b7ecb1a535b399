//! A timer's pipe: filling it, emptying it by either road, asking for what is in it.

use criterion::Criterion;
use std::hint::black_box;
use std::os::fd::AsFd;

use crate::backends::sys::fd;
use crate::flags::CreateFlags;
use crate::latch::Latch;

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("latch");
    let new = || Latch::new(CreateFlags::default()).expect("a pipe");
    group.bench_function("put+take", |bencher| {
        let (mut latch, _reader) = new();
        bencher.iter(|| {
            latch.put(1).expect("room");
            assert_eq!(latch.take().expect("a read"), Some(1));
        });
    });
    group.bench_function("put+plain read", |bencher| {
        let (mut latch, reader) = new();
        bencher.iter(|| {
            latch.put(1).expect("room");
            assert_eq!(fd::read_count(reader.as_fd()).expect("a read"), Some(1));
        });
    });
    group.bench_function("is_empty/never filled", |bencher| {
        let (latch, _reader) = new();
        bencher.iter(|| assert!(black_box(&latch).is_empty()));
    });
    group.bench_function("is_empty/full", |bencher| {
        let (mut latch, _reader) = new();
        latch.put(1).expect("room");
        bencher.iter(|| assert!(!black_box(&latch).is_empty()));
    });
    group.bench_function("is_empty/read by somebody", |bencher| {
        let (mut latch, reader) = new();
        latch.put(1).expect("room");
        fd::read_count(reader.as_fd()).expect("a read");
        bencher.iter(|| assert!(black_box(&latch).is_empty()));
    });
    group.finish();
}
