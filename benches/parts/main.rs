//! The parts of the emulation, each by itself, and `settime` by several threads at once.
//!
//! `cargo bench --bench parts [-- [PART OF A NAME] [--warm-up-time 0.5] [--measurement-time 1]]` prints by criterion, in time
//! for one call:
//!
//! - `schedule`: one timer's arithmetic, with few periods gone by and with very many;
//! - `queue`: the timer queues, with 1, 1,000 and 100,000 entries;
//! - `pipe`: a timer's pipe, mostly system calls;
//! - `settime`: on each backend, by 1, 2, 4 and 8 threads that all run, each with a timer of its own.
//!
//! Criterion keeps the figures and tells of changes since the last run; `--save-baseline` and `--baseline` name one to compare
//! with. On a busy machine the instruction counts tell more (`cargo bench --bench instructions`).
// The library's rooms are here whole, and not all of them is used; their own tests are not.
#![allow(dead_code, unused_imports)]

mod backends;
#[path = "../../src/clock.rs"]
mod clock;
mod contention;
#[path = "../../src/flags.rs"]
mod flags;
#[allow(clippy::wrong_self_convention)] // as a library's public methods they are let be
#[path = "../../src/itimerspec.rs"]
mod itimerspec;
#[path = "../../backends/emulation/pipe.rs"]
mod pipe;
mod pipes;
#[path = "../../src/punctuality.rs"]
mod punctuality;
#[path = "../../backends/emulation/queue.rs"]
mod queue;
mod queues;
#[allow(dead_code)] // as many timers as fit, which other benches want
#[path = "../common/rows.rs"]
mod rows;
#[path = "../../backends/emulation/schedule.rs"]
mod schedule;
mod schedules;
#[path = "../../src/spec.rs"]
mod spec;

use criterion::Criterion;

fn main() {
    // A report in words needs no other program, and figures in files are criterion's anyway.
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    for group in [schedules::run, queues::run, pipes::run, contention::run] {
        group(&mut criterion);
    }
    criterion.final_summary();
}
