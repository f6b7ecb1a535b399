//! The arithmetic of one timer. The schedule is copied for each call.

use criterion::Criterion;
use std::hint::black_box;

use crate::schedule::Schedule;

const MICROSECOND: u64 = 1_000;
const YEAR: u64 = 31_536_000_000_000_000;

/// A name, the number of periods that have passed, and the period.
const PASSED: [(&str, u64, u64); 3] =
    [("none", 0, MICROSECOND), ("3 periods", 3, MICROSECOND), ("10^17 periods", 100_000_000_000_000_000, 1)];

pub fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    for (name, periods, interval) in PASSED {
        let schedule = Schedule::new(Some(YEAR), interval);
        // The end of a period that is not over yet. For `none`, the time before the first
        // expiration.
        let now = YEAR + periods * interval - 1;
        group.bench_function(format!("count/{name}"), |bencher| {
            bencher.iter(|| {
                let mut schedule = black_box(schedule);
                (schedule.count(black_box(now)), schedule)
            });
        });
        group.bench_function(format!("remaining/{name}"), |bencher| {
            bencher.iter(|| black_box(&schedule).remaining(black_box(now)));
        });
        let mut counted = schedule;
        let unread = counted.count(now);
        assert_eq!(unread, periods);
        // The clock is set back to before the first expiration.
        group.bench_function(format!("roll_back/{name}"), |bencher| {
            bencher.iter(|| {
                let mut schedule = black_box(counted);
                (schedule.roll_back(black_box(unread), black_box(YEAR - 1)), schedule)
            });
        });
    }
    group.finish();
}
