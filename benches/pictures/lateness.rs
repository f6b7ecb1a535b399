//! The latency of a loop that waits for one time, by each backend and mode, and by other means.

use plotters::style::RGBColor;
use portable_timerfd::Accuracy;
use std::error::Error;

use crate::axis::Axis;
use crate::compare::percentile;
use crate::latency::{by_bare_pipe, by_timeout, by_timer, in_turns, Waiter};
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{color, svg, Curve, Kind, Panel};
use crate::timers::available_backends;
use crate::Request;

/// The means by which a loop waits, and its curve.
struct Candidate {
    name: String,
    color: RGBColor,
    kind: Kind,
}

/// The results of one candidate.
struct Latencies {
    candidate: Candidate,
    micros: Vec<f64>,
    early: usize,
}

pub fn run(request: &Request) -> Result<Report, Box<dyn Error>> {
    let all = measure(request.rounds(2_000));
    Ok(Report(vec![
        Block::Picture { name: "lateness", what: "Latency of a loop's wait", svg: picture(&all)? },
        Block::Text(tabled(&all)),
    ]))
}

fn measure(samples: usize) -> Vec<Latencies> {
    let (candidates, mut waiters): (Vec<Candidate>, Vec<Waiter>) = candidates().into_iter().unzip();
    let none = |candidate| Latencies { candidate, micros: Vec::new(), early: 0 };
    let mut results: Vec<Latencies> = candidates.into_iter().map(none).collect();
    in_turns(&mut waiters, samples, |index, sample| {
        results[index].early += usize::from(sample.was_early);
        results[index].micros.push(sample.nanos / 1e3);
    });
    results.iter_mut().for_each(|result| result.micros.sort_by(f64::total_cmp));
    results
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
        let colors = [RGBColor(204, 121, 167), color(backend.name()), RGBColor(0, 158, 115)];
        for (mode, color) in Accuracy::ALL.iter().copied().zip(colors) {
            let name = format!("{}, {}", backend.name(), format!("{mode:?}").to_lowercase());
            all.push((candidate(name, color, Kind::Line), by_timer(backend, mode)));
        }
    }
    let others = [
        ("polling's timeout", RGBColor(90, 90, 90), by_timeout()),
        ("bare pipe", RGBColor(150, 150, 150), by_bare_pipe()),
    ];
    for (name, color, waiter) in others {
        all.push((candidate(name.to_owned(), color, Kind::Dashes), waiter));
    }
    all
}

/// The shortest latency that the picture shows, in microseconds.
const SHORTEST: f64 = 0.1;

/// Draws two panels: the distribution of all latencies, and its tail.
fn picture(all: &[Latencies]) -> Result<String, Box<dyn Error>> {
    let panel = |label: &str, curves: Vec<Curve>, y: Axis| {
        let x = Axis::log("latency (µs)", points(&curves).map(|point| point.0));
        Panel { title: label.to_owned(), x, y, legend: None, curves }
    };
    let sooner: Vec<Curve> = all.iter().map(|one| curve(one, |place, many| (place + 1) as f64 / many as f64)).collect();
    let later: Vec<Curve> =
        all.iter().map(|one| curve(one, |place, many| (many - place) as f64 / many as f64)).collect();
    let parts = Axis::log("part of all", points(&later).map(|point| point.1));
    let panels =
        [panel("no later than this", sooner, Axis::fraction("part of all")), panel("this late or later", later, parts)];
    svg("Latency until the loop's wait returns, one timer 0.2 to 2 ms ahead", 1, &panels)
}

fn points(curves: &[Curve]) -> impl Iterator<Item = (f64, f64)> + '_ {
    curves.iter().flat_map(|curve| curve.points.iter().copied())
}

/// Returns the curve of `part`, for each index of the sorted latencies, against the latency.
fn curve(one: &Latencies, part: impl Fn(usize, usize) -> f64) -> Curve {
    let many = one.micros.len();
    // All of the last twenty points, and some of the others.
    let drawn = (0..many).filter(|place| place % (many / 300).max(1) == 0 || place + 20 >= many);
    let points = drawn.map(|place| (one.micros[place].max(SHORTEST), part(place, many))).collect();
    Curve { name: one.candidate.name.clone(), color: one.candidate.color, kind: one.candidate.kind, points }
}

fn tabled(all: &[Latencies]) -> String {
    let row = |one: &Latencies| {
        let percents = [50.0, 90.0, 99.0, 100.0].map(|percent| short(percentile(one.micros.clone(), percent)));
        let mut cells = vec![one.candidate.name.clone()];
        cells.extend(percents);
        cells.push(one.early.to_string());
        cells
    };
    let head = ["latency", "p50, µs", "p90, µs", "p99, µs", "max, µs", "too early"];
    let samples = all.first().map_or(0, |one| one.micros.len());
    format!("{} times each, in turns.\n\n", whole(samples as f64))
        + &table(&head, &all.iter().map(row).collect::<Vec<_>>())
}
