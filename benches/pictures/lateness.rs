//! How late a loop that waits for one time is told of it, whoever tells it.

use plotters::style::RGBColor;
use portable_timerfd::Punctuality;
use std::error::Error;

use crate::axis::Axis;
use crate::contest::percentile;
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{color, svg, Curve, Kind, Panel};
use crate::rows::rows;
use crate::shots::{by_bare_pipe, by_timeout, by_timer, in_turns, Shooter};
use crate::Request;

/// What a loop waits by.
struct Contestant {
    name: String,
    color: RGBColor,
    kind: Kind,
}

/// What all shots of one contestant came to.
struct Lateness {
    who: Contestant,
    micros: Vec<f64>,
    early: usize,
}

pub fn run(request: &Request) -> Result<Report, Box<dyn Error>> {
    let all = measure(request.rounds(2_000));
    Ok(Report(vec![
        Block::Picture { name: "lateness", what: "Lateness of a loop's wait", svg: picture(&all)? },
        Block::Text(tabled(&all)),
    ]))
}

fn measure(shots: usize) -> Vec<Lateness> {
    let (contestants, mut shooters): (Vec<Contestant>, Vec<Shooter>) = contestants().into_iter().unzip();
    let none = |who| Lateness { who, micros: Vec::new(), early: 0 };
    let mut results: Vec<Lateness> = contestants.into_iter().map(none).collect();
    in_turns(&mut shooters, shots, |who, shot| {
        results[who].early += usize::from(shot.was_early);
        results[who].micros.push(shot.late / 1e3);
    });
    results.iter_mut().for_each(|result| result.micros.sort_by(f64::total_cmp));
    results
}

fn contestants() -> Vec<(Contestant, Shooter)> {
    let contestant = |name: String, color, kind| Contestant { name, color, kind };
    let mut all = Vec::new();
    for row in rows() {
        if row.name() == "kernel" {
            let kernel = contestant("kernel".to_owned(), color("kernel"), Kind::Line);
            all.push((kernel, by_timer(row, Punctuality::default())));
            continue;
        }
        let colors = [RGBColor(204, 121, 167), color(row.name()), RGBColor(0, 158, 115)];
        for (mode, color) in Punctuality::ALL.into_iter().zip(colors) {
            let name = format!("{}, {}", row.name(), format!("{mode:?}").to_lowercase());
            all.push((contestant(name, color, Kind::Line), by_timer(row, mode)));
        }
    }
    let others = [
        ("polling's timeout", RGBColor(90, 90, 90), by_timeout()),
        ("bare pipe", RGBColor(150, 150, 150), by_bare_pipe()),
    ];
    for (name, color, shooter) in others {
        all.push((contestant(name.to_owned(), color, Kind::Dashes), shooter));
    }
    all
}

/// What the picture has room for, in microseconds.
const SHORTEST: f64 = 0.1;

/// The whole of it, and its end where the latest are.
fn picture(all: &[Lateness]) -> Result<String, Box<dyn Error>> {
    let panel = |label: &str, curves: Vec<Curve>, y: Axis| {
        let x = Axis::log("lateness (µs)", points(&curves).map(|point| point.0));
        Panel { title: label.to_owned(), x, y, legend: None, curves }
    };
    let sooner: Vec<Curve> = all.iter().map(|one| curve(one, |place, many| (place + 1) as f64 / many as f64)).collect();
    let later: Vec<Curve> =
        all.iter().map(|one| curve(one, |place, many| (many - place) as f64 / many as f64)).collect();
    let parts = Axis::log("part of all", points(&later).map(|point| point.1));
    let panels =
        [panel("no later than this", sooner, Axis::fraction("part of all")), panel("this late or later", later, parts)];
    svg("Lateness until the loop's wait returns, one timer 0.2 to 2 ms ahead", 1, &panels)
}

fn points(curves: &[Curve]) -> impl Iterator<Item = (f64, f64)> + '_ {
    curves.iter().flat_map(|curve| curve.points.iter().copied())
}

/// The part that each place has of them all, against the lateness there.
fn curve(one: &Lateness, part: impl Fn(usize, usize) -> f64) -> Curve {
    let many = one.micros.len();
    // Each of the latest, and some of the others.
    let drawn = (0..many).filter(|place| place % (many / 300).max(1) == 0 || place + 20 >= many);
    let points = drawn.map(|place| (one.micros[place].max(SHORTEST), part(place, many))).collect();
    Curve { name: one.who.name.clone(), color: one.who.color, kind: one.who.kind, points }
}

fn tabled(all: &[Lateness]) -> String {
    let row = |one: &Lateness| {
        let percents = [50.0, 90.0, 99.0, 100.0].map(|percent| short(percentile(one.micros.clone(), percent)));
        let mut cells = vec![one.who.name.clone()];
        cells.extend(percents);
        cells.push(one.early.to_string());
        cells
    };
    let head = ["lateness", "p50, µs", "p90, µs", "p99, µs", "max, µs", "too early"];
    let shots = all.first().map_or(0, |one| one.micros.len());
    format!("{} times each, in turns.\n\n", whole(shots as f64))
        + &table(&head, &all.iter().map(row).collect::<Vec<_>>())
}
