//! The latency of a loop that waits for one time, by each backend and mode, and by other means:
//! on an idle machine, and on a busy one.

mod picture;

use plotters::style::RGBColor;
use portable_timerfd::Accuracy;
use std::error::Error;
use std::time::Duration;

use crate::busy::{Load, THREADS_PER_CPU};
use crate::latency::{by_bare_pipe, by_timeout, by_timer, Waiter};
use crate::page::{Block, Report};
use crate::plot::Kind;
use crate::scheme::{color, DARK_GRAY, GRAY, GREEN, PINK};
use crate::timers::available_backends;
use crate::usage::{cpu_time, sleeps};
use crate::{load, Request};

/// The means by which a loop waits, and its curve.
struct Candidate {
    name: String,
    color: RGBColor,
    kind: Kind,
}

/// The results of one candidate.
struct Latencies {
    candidate: Candidate,
    /// Sorted, when all are measured.
    micros: Vec<f64>,
    early: usize,
    cost: Cost,
}

/// The CPU time and the wake-ups of all threads of this process.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: Duration,
    wake_ups: f64,
}

/// The results on a machine in one state.
struct Run {
    state: String,
    /// The load averages of the last minute, at the start and at the end.
    averages: [Option<f64>; 2],
    /// The cost of `settle` alone, as many times as each candidate had blocks.
    settling: Cost,
    all: Vec<Latencies>,
}

/// The number of successive waits of a candidate.
///
/// A block is long enough for its cost to be counted apart from the others' cost.
const BLOCK: usize = 10;

pub fn run(request: &Request) -> Result<Report, Box<dyn Error>> {
    let samples = request.rounds(10_000);
    let idle = measure(state(load::average()).to_owned(), samples);
    let load = Load::start()?;
    let busy = measure(format!("{THREADS_PER_CPU} busy threads per CPU"), samples);
    drop(load);
    let runs = [idle, busy];
    Ok(Report(vec![
        Block::Picture { name: "latency", what: "Latency of a loop's wait", svg: picture::svg(&runs)? },
        Block::Text(picture::tables(&runs)),
    ]))
}

/// Returns the state of a machine on which this program does nothing else.
fn state(average: Option<f64>) -> &'static str {
    match average {
        Some(average) if average <= load::MOST_IDLE => "idle machine",
        _ => "machine with other work",
    }
}

/// Measures all candidates in turns of a block each, in random order. A twentieth more blocks run
/// first, to warm up.
fn measure(state: String, samples: usize) -> Run {
    eprintln!("  {state}");
    let start = load::average();
    let (candidates, mut waiters): (Vec<Candidate>, Vec<Waiter>) = candidates().into_iter().unzip();
    let none = |candidate| Latencies { candidate, micros: Vec::new(), early: 0, cost: Cost::default() };
    let mut all: Vec<Latencies> = candidates.into_iter().map(none).collect();
    let mut settling = Cost::default();
    let mut random = fastrand::Rng::with_seed(11);
    let mut order: Vec<usize> = (0..waiters.len()).collect();
    let blocks = samples / BLOCK;
    for round in 0..blocks + blocks / 20 {
        if round == blocks / 20 {
            all.iter_mut().for_each(Latencies::forget);
            settling = Cost::default();
        }
        random.shuffle(&mut order);
        for &index in &order {
            all[index].add_block(&mut waiters[index], &mut random);
        }
        settling.add(|| ());
    }
    all.iter_mut().for_each(|one| one.micros.sort_by(f64::total_cmp));
    Run { state, averages: [start, load::average()], settling, all }
}

impl Latencies {
    fn add_block(&mut self, wait: &mut Waiter, random: &mut fastrand::Rng) {
        let Latencies { micros, early, cost, .. } = self;
        cost.add(|| {
            for _ in 0..BLOCK {
                let sample = wait(Duration::from_micros(random.u64(200..=2_000)));
                *early += usize::from(sample.was_early);
                micros.push(sample.nanos / 1e3);
            }
        });
    }

    fn forget(&mut self) {
        self.micros.clear();
        (self.early, self.cost) = (0, Cost::default());
    }
}

impl Cost {
    /// Adds the cost of `body` and of settling after it.
    fn add(&mut self, body: impl FnOnce()) {
        let before = (cpu_time(), sleeps());
        body();
        settle();
        self.cpu += cpu_time().saturating_sub(before.0);
        self.wake_ups += sleeps() - before.1;
    }
}

/// Waits until the other threads have gone to sleep again.
fn settle() {
    std::thread::sleep(Duration::from_micros(500));
}

impl Run {
    /// Returns the CPU time in microseconds and the wake-ups, for each expiration.
    fn cost(&self, one: &Latencies) -> [f64; 2] {
        let many = one.micros.len() as f64;
        let cpu = one.cost.cpu.saturating_sub(self.settling.cpu).as_secs_f64() * 1e6;
        [cpu / many, (one.cost.wake_ups - self.settling.wake_ups).max(0.0) / many]
    }
}

fn candidates() -> Vec<(Candidate, Waiter)> {
    let candidate = |name: String, color, kind| Candidate { name, color, kind };
    let mut all = Vec::new();
    for backend in available_backends() {
        if backend.name() == "kernel" {
            let kernel = candidate("kernel".to_owned(), color("kernel"), Kind::Line);
            all.push((kernel, by_timer(backend, Accuracy::default())));
            continue;
        }
        let colors = [PINK, color(backend.name()), GREEN];
        for (mode, color) in Accuracy::ALL.iter().copied().zip(colors) {
            let name = format!("{}, {}", backend.name(), format!("{mode:?}").to_lowercase());
            all.push((candidate(name, color, Kind::Line), by_timer(backend, mode)));
        }
    }
    let others = [
        ("polling's timeout", DARK_GRAY, Kind::Dashes, by_timeout()),
        ("bare pipe", GRAY, Kind::ShortDashes, by_bare_pipe()),
    ];
    for (name, color, kind, waiter) in others {
        all.push((candidate(name.to_owned(), color, kind), waiter));
    }
    all
}
