//! The parts of the emulation, each by itself, and `settime` by several threads at once.
//!
//! `cargo bench --bench parts [-- [PART OF A NAME] [--warm-up-time 0.5] [--measurement-time 1]]`
//! runs criterion, which prints the time of one call of:
//!
//! - `schedule`: the arithmetic of one timer, after few periods and after very many;
//! - `queue`: the timer queues, with 1, 1,000 and 100,000 entries;
//! - `pipe`: a timer's pipe, mostly system calls;
//! - `settime`: on each backend, by 1, 2, 4 and 8 threads that all run, each with its own timer.
//!
//! Criterion stores the figures and prints changes since the last run. `--save-baseline` and
//! `--baseline` name a run to compare with. On a busy machine, instruction counts are more reliable
//! (`cargo bench --bench instructions`).
// Whole modules of the library are included here, and only a part of each is used.
#![allow(dead_code, unused_imports)]

#[path = "../../src/accuracy.rs"]
mod accuracy;
mod backends;
#[path = "../../src/clock.rs"]
mod clock;
#[path = "../../src/clock_time.rs"]
mod clock_time;
mod contention;
#[path = "../../src/errors.rs"]
mod errors;
#[path = "../../src/flags.rs"]
mod flags;
#[allow(clippy::wrong_self_convention)] // clippy exempts the public methods of a library, but not this copy
#[path = "../../src/itimerspec.rs"]
mod itimerspec;
#[path = "../../backends/emulation/pipe.rs"]
mod pipe;
mod pipes;
#[path = "../../src/pollable.rs"]
mod pollable;
#[path = "../../backends/emulation/queue.rs"]
mod queue;
mod queues;
#[path = "../../backends/emulation/schedule.rs"]
mod schedule;
mod schedules;
#[path = "../../src/spec.rs"]
mod spec;
#[allow(dead_code)] // other benches use the rest
#[path = "../common/timers.rs"]
mod timers;

use criterion::Criterion;

fn main() {
    // Plots would need gnuplot. Criterion stores the figures in files anyway.
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    for group in [schedules::run, queues::run, pipes::run, contention::run] {
        group(&mut criterion);
    }
    criterion.final_summary();
}
