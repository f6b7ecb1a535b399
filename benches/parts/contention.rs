//! `settime` by several threads at once, each of a timer of its own, on each backend.
//!
//! A figure is what one call takes one of the threads while all of them run: for some tens of milliseconds all call as fast as
//! they can, and the time of each, added up, is divided by the calls of all. With more threads than processors it grows with
//! the threads that share one, on any backend; the rows beside each other, and one thread beside as many as there are
//! processors, tell what the locks cost.
//!
//! `later` is the common case, a timeout that is put off: on the userspace backend each timer's own lock, and nothing that is
//! shared. `earlier` is the worst case: each call moves the timer in what the thread has to look at, under the one lock of all.
//! No call wakes the thread, since something else is to be looked at before.

use criterion::{BenchmarkId, Criterion, SamplingMode};
use portable_timerfd::{Backend, Clock, Timer, TimerFd, TimerSpec};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::rows::{armed, rows};

const HOUR: Duration = Duration::from_secs(3600);
const MICROSECOND: Duration = Duration::from_micros(1);

/// What criterion takes a call to need, and the shortest time for all to call in: long enough that the system gives the
/// processors to each thread in turn.
const EXPECTED: Duration = Duration::from_nanos(100);
const SHORTEST: Duration = Duration::from_millis(50);

/// The time that comes after this one.
type Next = fn(Duration) -> Duration;

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("settime");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    let directions: [(&str, Next); 2] = [("later", |time| time + MICROSECOND), ("earlier", |time| time - MICROSECOND)];
    for (direction, next) in directions {
        for row in rows() {
            let _sooner_than_all = armed(row, HOUR);
            for threads in [1, 2, 4, 8] {
                let mut timers: Vec<Own> = (0..threads).map(|_| Own::new(row)).collect();
                group.bench_function(BenchmarkId::new(format!("{direction}/{}", row.name()), threads), |bencher| {
                    bencher.iter_custom(|calls| {
                        let window = EXPECTED.mul_f64(calls as f64).max(SHORTEST);
                        Duration::from_secs_f64(calls as f64 * all_at_once(&mut timers, window, next))
                    });
                });
            }
        }
    }
    group.finish();
}

/// A thread's timer, and the time it is set to.
struct Own {
    timer: TimerFd,
    time: Duration,
}

impl Own {
    /// Set to a time that is far off, and stays so after any number of calls.
    fn new(row: &'static Backend) -> Own {
        let far = 100_000 * HOUR;
        Own { timer: armed(row, far), time: Clock::Monotonic.now().expect("a clock") + far }
    }

    fn settime(&mut self, next: Next) {
        self.time = next(self.time);
        self.timer.settime(&TimerSpec::at(self.time)).expect("settime");
    }
}

/// Seconds that one call takes a thread, when all call for so long.
fn all_at_once(timers: &mut [Own], window: Duration, next: Next) -> f64 {
    let (gate, is_over) = (&Barrier::new(timers.len() + 1), &AtomicBool::new(false));
    let body = move |own: &mut Own| {
        gate.wait();
        let (start, mut calls) = (Instant::now(), 0.0);
        while calls == 0.0 || !is_over.load(Ordering::Relaxed) {
            own.settime(next);
            calls += 1.0;
        }
        (start.elapsed().as_secs_f64(), calls)
    };
    let each: Vec<(f64, f64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = timers.iter_mut().map(|own| scope.spawn(move || body(own))).collect();
        gate.wait();
        std::thread::sleep(window);
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let (seconds, calls) = each.into_iter().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    seconds / calls
}
