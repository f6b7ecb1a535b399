//! A timer's pipe: writes, both kinds of reads, and checks.

use criterion::Criterion;
use std::hint::black_box;
use std::os::fd::AsFd;

use crate::backends::sys::fd;
use crate::flags::CreateFlags;
use crate::pipe::TimerPipe;

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipe");
    let new = || TimerPipe::new(CreateFlags::default()).expect("a pipe");
    group.bench_function("write+drain", |bencher| {
        let (mut pipe, _reader) = new();
        bencher.iter(|| {
            pipe.write(1).expect("room");
            assert_eq!(pipe.drain().expect("a read"), Some(1));
        });
    });
    group.bench_function("write+raw read", |bencher| {
        let (mut pipe, reader) = new();
        bencher.iter(|| {
            pipe.write(1).expect("room");
            assert_eq!(fd::read_count(reader.as_fd()).expect("a read"), Some(1));
        });
    });
    group.bench_function("is_empty/never filled", |bencher| {
        let (pipe, _reader) = new();
        bencher.iter(|| assert!(black_box(&pipe).is_empty()));
    });
    group.bench_function("is_empty/full", |bencher| {
        let (mut pipe, _reader) = new();
        pipe.write(1).expect("room");
        bencher.iter(|| assert!(!black_box(&pipe).is_empty()));
    });
    group.bench_function("is_empty/consumed", |bencher| {
        let (mut pipe, reader) = new();
        pipe.write(1).expect("room");
        fd::read_count(reader.as_fd()).expect("a read");
        bencher.iter(|| assert!(black_box(&pipe).is_empty()));
    });
    group.finish();
}
