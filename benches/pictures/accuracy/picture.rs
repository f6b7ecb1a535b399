//! The picture and the tables of the latencies.

use std::error::Error;

use super::{Latencies, Run};
use crate::axis::Axis;
use crate::bars::Bars;
use crate::compare::percentile;
use crate::load::text;
use crate::page::{short, table, whole};
use crate::plot::{svg_with_bars, Curve, Panel};

/// The shortest latency that the picture shows, in microseconds.
const SHORTEST: f64 = 1.0;

/// Draws the percentiles of each run side by side, and the cost of each candidate below them.
pub fn svg(runs: &[Run]) -> Result<String, Box<dyn Error>> {
    let x = Axis::nines("fraction of expirations with at most this latency");
    let panel = |run: &Run| {
        let curves: Vec<Curve> = run.all.iter().map(|one| curve(&x, one)).collect();
        let latencies = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
        let y = Axis::log("latency (µs)", latencies);
        let [from, to] = run.averages.map(text);
        let title = format!("{} (load average {from} to {to})", run.state);
        Panel { title, x: x.clone(), y, legend: None, curves }
    };
    let panels: Vec<Panel> = runs.iter().map(panel).collect();
    let titles = ["CPU time per expiration (µs), as on the left", "wake-ups per expiration, as on the left"];
    let [cpu, wake_ups] = titles.map(str::to_owned);
    let bars = [bars(cpu, 0, &runs[0]), bars(wake_ups, 1, &runs[0])];
    svg_with_bars("Latency until the loop's wait returns, one timer 0.2 to 2 ms ahead", runs.len(), &panels, &bars)
}

/// Returns the latencies that are on the axis of their fractions.
fn curve(x: &Axis, one: &Latencies) -> Curve {
    let many = one.micros.len();
    // All of the last hundred points, and some of the others.
    let drawn = (0..many).filter(|place| place % (many / 300).max(1) == 0 || place + 100 >= many);
    let point = |place: usize| ((place as f64 + 0.5) / many as f64, one.micros[place].max(SHORTEST));
    let points = drawn.map(point).filter(|point| x.contains(point.0)).collect();
    Curve { name: one.candidate.name.clone(), color: one.candidate.color, kind: one.candidate.kind, points }
}

fn bars(title: String, index: usize, run: &Run) -> Bars {
    let bar = |one: &Latencies| (one.candidate.name.clone(), one.candidate.color, run.cost(one)[index]);
    Bars { title, bars: run.all.iter().map(bar).collect() }
}

pub fn tables(runs: &[Run]) -> String {
    runs.iter().map(tabled).collect::<Vec<_>>().join("\n")
}

fn tabled(run: &Run) -> String {
    let row = |one: &Latencies| {
        let percents = [50.0, 90.0, 99.0, 99.9, 100.0].map(|percent| short(percentile(one.micros.clone(), percent)));
        let mut cells = vec![one.candidate.name.clone()];
        cells.extend(percents);
        cells.push(one.early.to_string());
        cells.extend(run.cost(one).map(short));
        cells
    };
    let latencies = format!("latency, {}", run.state);
    let costs = ["max, µs", "too early", "CPU time, µs each", "wake-ups each"];
    let head = [&[latencies.as_str(), "p50, µs", "p90, µs", "p99, µs", "p99.9, µs"][..], &costs].concat();
    let samples = run.all.first().map_or(0, |one| one.micros.len());
    let [from, to] = run.averages.map(text);
    let averages = format!("load average {from} at the start and {to} at the end");
    format!("{}: {} expirations each, in turns; {averages}.\n\n", capital(&run.state), whole(samples as f64))
        + &table(&head, &run.all.iter().map(row).collect::<Vec<_>>())
}

/// Returns the text with a capital first letter.
fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}
