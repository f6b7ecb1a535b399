//! `settime` by several threads at once, each with its own timer, on each backend.
//!
//! A figure is the time of one call in one thread while all threads run. All threads call as fast
//! as they can for some tens of milliseconds. The sum of their times is divided by the sum of their
//! calls. With more threads than CPUs, the figure grows with the number of threads per CPU, on any
//! backend. To see the cost of the locks, compare the backends, and compare one thread with as many
//! threads as there are CPUs.
//!
//! `later` is the common case, a timeout that is postponed. On the userspace backend it takes only
//! the timer's own lock. `earlier` is the worst case: each call moves the timer in the queues of
//! the timer thread, under the lock that all timers share. No call wakes the thread, because
//! another timer is due earlier.

use criterion::{BenchmarkId, Criterion, SamplingMode};
use portable_timerfd::{Backend, Clock, ClockTime, TimerFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::timers::{armed, available_backends};

const HOUR: Duration = Duration::from_secs(3600);
const MICROSECOND: Duration = Duration::from_micros(1);

/// The duration of a call that criterion assumes, and the shortest time that all threads call.
///
/// The time is long enough that the system schedules each thread.
const EXPECTED: Duration = Duration::from_nanos(100);
const SHORTEST: Duration = Duration::from_millis(50);

/// Returns the next time to set.
type Next = fn(ClockTime) -> ClockTime;

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("settime");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    let directions: [(&str, Next); 2] = [("later", |time| time + MICROSECOND), ("earlier", |time| time - MICROSECOND)];
    for (direction, next) in directions {
        for backend in available_backends() {
            let _earliest = armed(backend, HOUR);
            for threads in [1, 2, 4, 8] {
                let mut timers: Vec<ThreadTimer> = (0..threads).map(|_| ThreadTimer::new(backend)).collect();
                group.bench_function(BenchmarkId::new(format!("{direction}/{}", backend.name()), threads), |bencher| {
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

/// The timer of a thread, and the time it is set to.
struct ThreadTimer {
    timer: TimerFd,
    time: ClockTime,
}

impl ThreadTimer {
    /// Creates a timer with a time so far in the future that it never expires during the bench.
    fn new(backend: Backend) -> ThreadTimer {
        let far = 100_000 * HOUR;
        ThreadTimer { timer: armed(backend, far), time: Clock::Monotonic.now().expect("a clock") + far }
    }

    fn set_next(&mut self, next: Next) {
        self.time = next(self.time);
        self.timer.arm_at(self.time).expect("set");
    }
}

/// Returns the seconds of one call in one thread, while all threads call for the time of `window`.
fn all_at_once(timers: &mut [ThreadTimer], window: Duration, next: Next) -> f64 {
    let (gate, is_over) = (&Barrier::new(timers.len() + 1), &AtomicBool::new(false));
    let body = move |own: &mut ThreadTimer| {
        gate.wait();
        let (start, mut calls) = (Instant::now(), 0.0);
        while calls == 0.0 || !is_over.load(Ordering::Relaxed) {
            own.set_next(next);
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
