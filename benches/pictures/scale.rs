//! What the calls cost when there are few timers and when there are many.

use portable_timerfd::{Backend, Timer, TimerFd, TimerSpec};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use crate::axis::Axis;
use crate::contest::{medians, Contestant};
use crate::expire::Company;
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{color, svg, Curve, Kind, Panel};
use crate::rows::{as_many_as_fit, open, rows};
use crate::{expire, queue_alone, Request};

const CROWDS: [usize; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/// Those of them that the table tells of.
const TABLED: [usize; 4] = [1, 100, 1_000, 5_000];
/// Of calls that can be made on one timer again and again.
const BATCH: usize = 100;
const HOUR: Duration = Duration::from_secs(3600);

/// Timers of one row, and random delays to set them to.
struct Crowd {
    row: &'static Backend,
    many: usize,
    timers: Vec<TimerFd>,
    delays: Vec<TimerSpec>,
    calls: usize,
    later: Duration,
    /// Keeps the row's thread where there is one.
    _bystander: TimerFd,
}

/// What is timed, and what comes before it each time.
struct Op {
    name: &'static str,
    /// How many calls are timed together at least.
    least: usize,
    prepare: fn(&mut Crowd),
    run: fn(&mut Crowd),
}

const OPS: [Op; 5] = [
    Op { name: "arm a new timer", least: 1, prepare: Crowd::renew, run: Crowd::arm },
    Op { name: "re-arm later", least: BATCH, prepare: |_| (), run: Crowd::rearm_later },
    Op { name: "re-arm at random", least: BATCH, prepare: |_| (), run: Crowd::rearm_at_random },
    Op { name: "cancel", least: 1, prepare: Crowd::arm, run: Crowd::disarm },
    Op { name: "drop an armed timer", least: 1, prepare: Crowd::renew_armed, run: Crowd::drop_all },
];

/// An operation's nanoseconds, for each number of timers and each row.
struct Measured {
    name: &'static str,
    points: Vec<(usize, Vec<f64>)>,
}

pub fn run(request: &Request) -> Result<Report, Box<dyn Error>> {
    let rows = rows();
    let all = measure(request, &rows);
    let mut words = tabled(&rows, &all);
    let most = all.iter().flat_map(|op| &op.points).map(|point| point.0).max().unwrap_or(0);
    if most < CROWDS[CROWDS.len() - 1] {
        let most = whole(most as f64);
        words += &format!("\nThe system's limit of descriptors ended it at {most} timers of each backend at a time.\n");
    }
    let queue = queue_alone::picture(&queue_alone::measure(request))?;
    Ok(Report(vec![
        Block::Picture { name: "scale", what: "Cost against number of timers", svg: picture(&rows, &all)? },
        Block::Text(words),
        Block::Picture { name: "queue", what: "Cost of the queue alone against its size", svg: queue },
    ]))
}

fn measure(request: &Request, rows: &[&'static Backend]) -> Vec<Measured> {
    // Both rows' timers are there at once: a userspace one takes two descriptors, a kernel one takes one.
    let most = as_many_as_fit(CROWDS[CROWDS.len() - 1], 3);
    let crowds: Vec<usize> = CROWDS.into_iter().filter(|&crowd| crowd <= most).collect();
    let over_crowds = |name, times: &dyn Fn(usize) -> Vec<f64>| {
        let point = |&crowd| {
            eprintln!("  {name}: {}", timers(crowd));
            (crowd, times(crowd))
        };
        Measured { name, points: crowds.iter().map(point).collect() }
    };
    let rounds = |crowd: usize| request.rounds((40_000 / crowd).clamp(25, 2_000));
    let mut all: Vec<Measured> =
        OPS.iter().map(|op| over_crowds(op.name, &|crowd| op.times(rows, crowd, rounds(crowd)))).collect();
    all.push(over_crowds("expire at one instant", &|crowd| {
        let mut companies: Vec<Company> = rows.iter().map(|row| Company::of_timers(row, crowd)).collect();
        expire::medians(&mut companies, request.rounds((40_000 / crowd).clamp(25, 200)))
    }));
    all
}

impl Op {
    fn times(&self, rows: &[&'static Backend], crowd: usize, rounds: usize) -> Vec<f64> {
        let mut contestants: Vec<Contestant<'_>> =
            rows.iter().map(|row| self.contestant(Crowd::new(row, crowd))).collect();
        // What timing itself takes: much, beside one call.
        contestants.push(Contestant::new(contestants[0].times, || ()));
        let mut times = medians(&mut contestants, rounds);
        let nothing = times.pop().unwrap_or(0.0);
        times.into_iter().map(|time| (time - nothing).max(1.0)).collect()
    }

    fn contestant(&self, crowd: Crowd) -> Contestant<'static> {
        let times = crowd.many.max(self.least);
        let crowd = Rc::new(RefCell::new(crowd));
        let again = Rc::clone(&crowd);
        let (prepare, run) = (self.prepare, self.run);
        Contestant::new(times, move || run(&mut crowd.borrow_mut()))
            .prepared_by(move || prepare(&mut again.borrow_mut()))
    }
}

impl Crowd {
    /// Armed.
    fn new(row: &'static Backend, many: usize) -> Crowd {
        let mut random = fastrand::Rng::with_seed(7);
        let mut delay = || TimerSpec::after(Duration::from_micros(random.u64(1_000_000..3_600_000_000)));
        let delays = (0..8191).map(|_| delay()).collect();
        let mut crowd = Crowd { row, many, timers: Vec::new(), delays, calls: 0, later: HOUR, _bystander: open(row) };
        crowd.renew_armed();
        crowd
    }

    fn renew(&mut self) {
        self.timers.clear();
        let row = self.row;
        self.timers.extend((0..self.many).map(|_| open(row)));
    }

    fn renew_armed(&mut self) {
        self.renew();
        self.arm();
    }

    fn drop_all(&mut self) {
        self.timers.clear();
    }

    fn arm(&mut self) {
        for timer in &self.timers {
            self.calls += 1;
            timer.settime(&self.delays[self.calls % self.delays.len()]).expect("settime");
        }
    }

    fn disarm(&mut self) {
        for timer in &self.timers {
            timer.disarm().expect("settime");
        }
    }

    fn rearm_later(&mut self) {
        for _ in 0..self.many.max(BATCH) {
            self.calls += 1;
            self.later += Duration::from_micros(1);
            self.timers[self.calls % self.many].arm_after(self.later).expect("settime");
        }
    }

    fn rearm_at_random(&mut self) {
        for _ in 0..self.many.max(BATCH) {
            self.calls += 1;
            let delay = &self.delays[self.calls % self.delays.len()];
            self.timers[self.calls % self.many].settime(delay).expect("settime");
        }
    }
}

fn timers(many: usize) -> String {
    format!("{} timer{}", whole(many as f64), if many == 1 { "" } else { "s" })
}

fn picture(rows: &[&'static Backend], all: &[Measured]) -> Result<String, Box<dyn Error>> {
    let panels: Vec<Panel> = all.iter().map(|op| panel(rows, op)).collect();
    svg("Cost of a call against the number of timers", 2, &panels)
}

fn panel(rows: &[&'static Backend], op: &Measured) -> Panel {
    let curve = |(place, row): (usize, &&'static Backend)| Curve {
        name: row.name().to_owned(),
        color: color(row.name()),
        kind: Kind::Dots,
        points: op.points.iter().map(|(crowd, times)| (*crowd as f64, times[place])).collect(),
    };
    Panel {
        title: op.name.to_owned(),
        x: Axis::log("timers", op.points.iter().map(|point| point.0 as f64)),
        y: Axis::log("ns for each", op.points.iter().flat_map(|point| point.1.iter().copied())),
        legend: None,
        curves: rows.iter().enumerate().map(curve).collect(),
    }
}

fn tabled(rows: &[&'static Backend], all: &[Measured]) -> String {
    let names: Vec<&str> = rows.iter().map(|row| row.name()).collect();
    let cell = |times: &[f64]| match times {
        [ours, kernel] => format!("{} / {} = {:.2}", short(*ours), short(*kernel), ours / kernel),
        times => times.iter().map(|&time| short(time)).collect::<Vec<_>>().join(" / "),
    };
    let line = |op: &Measured| {
        let tabled = op.points.iter().filter(|(crowd, _)| TABLED.contains(crowd));
        let mut cells = vec![op.name.to_owned()];
        cells.extend(tabled.map(|(_, times)| cell(times)));
        cells
    };
    let mut head = vec![format!("ns for each: {}", names.join(" / "))];
    let crowds = all[0].points.iter().map(|point| point.0);
    head.extend(crowds.filter(|crowd| TABLED.contains(crowd)).map(timers));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &all.iter().map(line).collect::<Vec<_>>())
}
