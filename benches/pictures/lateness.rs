//! How late a loop that waits for one time is told of it, whoever tells it.

use plotters::style::RGBColor;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{polling, Backend, Clock, Punctuality, Registered, Timer, TimerFd};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::axis::Axis;
use crate::contest::percentile;
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{svg, Curve, Kind, Panel};
use crate::rows::{color, now, rows};
use crate::Request;

/// What a loop waits by.
struct Contestant {
    name: String,
    color: RGBColor,
    kind: Kind,
    shoot: Box<dyn FnMut(Duration) -> Shot>,
}

/// How late the loop was told, and whether it had been told before, too early.
struct Shot {
    micros: f64,
    was_early: bool,
}

/// What all shots of one contestant came to.
struct Lateness {
    name: String,
    color: RGBColor,
    kind: Kind,
    micros: Vec<f64>,
    early: usize,
}

pub fn run(request: &Request) -> Result<Report, Box<dyn Error>> {
    let shots = if request.quick { 300 } else { 2_000 };
    let all = measure(shots);
    Ok(Report(vec![
        Block::Picture { name: "lateness", what: "Lateness of a loop's wait", svg: picture(&all)? },
        Block::Text(tabled(&all)),
    ]))
}

/// One shot of each in turn, so many times over.
fn measure(shots: usize) -> Vec<Lateness> {
    let mut contestants = contestants();
    let mut results: Vec<Lateness> = contestants
        .iter()
        .map(|who| Lateness { name: who.name.clone(), color: who.color, kind: who.kind, micros: Vec::new(), early: 0 })
        .collect();
    let mut random = fastrand::Rng::with_seed(11);
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    let warm_up = shots / 20;
    for round in 0..warm_up + shots {
        // Nobody always comes after the same one.
        random.shuffle(&mut order);
        for &who in &order {
            let shot = (contestants[who].shoot)(Duration::from_micros(random.u64(200..=2_000)));
            results[who].early += usize::from(shot.was_early);
            if round >= warm_up {
                results[who].micros.push(shot.micros);
            }
        }
        if round % 500 == 499 {
            eprintln!("  round {} of {}", round + 1, warm_up + shots);
        }
    }
    results.iter_mut().for_each(|result| result.micros.sort_by(f64::total_cmp));
    results
}

fn contestants() -> Vec<Contestant> {
    let mut all = Vec::new();
    for row in rows() {
        if row.name() == "kernel" {
            all.push(by_timer("kernel".to_owned(), color("kernel"), row, Punctuality::default()));
            continue;
        }
        let colors = [RGBColor(204, 121, 167), color(row.name()), RGBColor(0, 158, 115)];
        for (mode, color) in Punctuality::ALL.into_iter().zip(colors) {
            all.push(by_timer(format!("{}, {}", row.name(), format!("{mode:?}").to_lowercase()), color, row, mode));
        }
    }
    all.push(by_timeout());
    all
}

fn by_timer(name: String, color: RGBColor, row: &'static Backend, mode: Punctuality) -> Contestant {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let timer = TimerFd::builder(Clock::Monotonic).backend(row).punctuality(mode).open().expect("a timer");
    let timer = Registered::new(&poller, timer, Event::readable(0), PollMode::Level).expect("registered");
    let mut events = Events::new();
    let shoot = move |delay| {
        let due = now() + delay;
        timer.arm_at(due).expect("settime");
        let shot = shot(due, |_| {
            events.clear();
            poller.wait(&mut events, None).expect("wait");
            !events.is_empty()
        });
        assert_eq!(timer.read().expect("read"), 1);
        shot
    };
    Contestant { name, color, kind: Kind::Line, shoot: Box::new(shoot) }
}

fn by_timeout() -> Contestant {
    let poller = Poller::new().expect("a poller");
    let mut events = Events::new();
    let shoot = move |delay| {
        shot(now() + delay, |left| {
            poller.wait(&mut events, Some(left)).expect("wait");
            true
        })
    };
    let name = "timeout of polling's wait".to_owned();
    Contestant { name, color: RGBColor(90, 90, 90), kind: Kind::Dashes, shoot: Box::new(shoot) }
}

/// Waits, by waits that are given the time left and say whether it is over, until it is.
fn shot(due: Duration, mut wait: impl FnMut(Duration) -> bool) -> Shot {
    let mut was_early = false;
    loop {
        let is_over = wait(due.saturating_sub(now()));
        if let Some(late) = now().checked_sub(due).filter(|_| is_over) {
            return Shot { micros: late.as_nanos() as f64 / 1e3, was_early };
        }
        was_early |= is_over;
    }
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
    Curve { name: one.name.clone(), color: one.color, kind: one.kind, points }
}

fn tabled(all: &[Lateness]) -> String {
    let row = |one: &Lateness| {
        let percents = [50.0, 90.0, 99.0, 100.0].map(|percent| short(percentile(one.micros.clone(), percent)));
        let mut cells = vec![one.name.clone()];
        cells.extend(percents);
        cells.push(one.early.to_string());
        cells
    };
    let head = ["lateness", "p50, µs", "p90, µs", "p99, µs", "max, µs", "too early"];
    let shots = all.first().map_or(0, |one| one.micros.len());
    format!("{} times each, in turns.\n\n", whole(shots as f64))
        + &table(&head, &all.iter().map(row).collect::<Vec<_>>())
}
