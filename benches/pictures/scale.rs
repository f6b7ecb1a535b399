//! The cost of the calls with few timers and with many.

use portable_timerfd::{Backend, TimerFd, TimerSpec};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use crate::axis::Axis;
use crate::compare::{medians, Candidate};
use crate::expire::Burst;
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{svg, Curve, Kind, Panel};
use crate::scheme::color;
use crate::timers::{as_many_as_fit, available_backends, open};
use crate::{expire, queue_alone, Request};

const COUNTS: [usize; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/// The numbers of timers that the table shows.
const TABLED: [usize; 4] = [1, 100, 1_000, 5_000];
/// The number of calls that are timed together, for calls that can be repeated on one timer.
const BATCH: usize = 100;
const HOUR: Duration = Duration::from_secs(3600);

/// Timers of one backend, and random delays to set them to.
struct TimerSet {
    backend: Backend,
    many: usize,
    timers: Vec<TimerFd>,
    delays: Vec<TimerSpec>,
    calls: usize,
    later: Duration,
    /// Keeps the timer thread alive, if the backend has one.
    _other: TimerFd,
}

/// An operation, and the preparation before each run, which is not timed.
struct Op {
    name: &'static str,
    /// The smallest number of calls that are timed together.
    least: usize,
    prepare: fn(&mut TimerSet),
    run: fn(&mut TimerSet),
}

const OPS: [Op; 5] = [
    Op { name: "arm a new timer", least: 1, prepare: TimerSet::renew, run: TimerSet::arm },
    Op { name: "re-arm later", least: BATCH, prepare: |_| (), run: TimerSet::rearm_later },
    Op { name: "re-arm at random", least: BATCH, prepare: |_| (), run: TimerSet::rearm_at_random },
    Op { name: "cancel", least: 1, prepare: TimerSet::arm, run: TimerSet::disarm },
    Op { name: "drop an armed timer", least: 1, prepare: TimerSet::renew_armed, run: TimerSet::drop_all },
];

/// The nanoseconds of an operation, for each number of timers and each backend.
struct Measured {
    name: &'static str,
    points: Vec<(usize, Vec<f64>)>,
}

pub fn run(request: &Request) -> Result<Report, Box<dyn Error>> {
    let backends = available_backends();
    let all = measure(request, &backends);
    let mut words = tabled(&backends, &all);
    let most = all.iter().flat_map(|op| &op.points).map(|point| point.0).max().unwrap_or(0);
    if most < COUNTS[COUNTS.len() - 1] {
        let most = whole(most as f64);
        words += &format!("\nThe system's limit of descriptors ended it at {most} timers of each backend at a time.\n");
    }
    let queue = queue_alone::picture(&queue_alone::measure(request))?;
    Ok(Report(vec![
        Block::Picture { name: "scale", what: "Cost against number of timers", svg: picture(&backends, &all)? },
        Block::Text(words),
        Block::Picture { name: "queue", what: "Cost of the queue alone against its size", svg: queue },
    ]))
}

fn measure(request: &Request, backends: &[Backend]) -> Vec<Measured> {
    // The timers of both backends exist at once. A userspace timer needs two descriptors, a kernel
    // timer one.
    let most = as_many_as_fit(COUNTS[COUNTS.len() - 1], 3);
    let counts: Vec<usize> = COUNTS.into_iter().filter(|&count| count <= most).collect();
    let over_counts = |name, times: &dyn Fn(usize) -> Vec<f64>| {
        let point = |&count| {
            eprintln!("  {name}: {}", timers(count));
            (count, times(count))
        };
        Measured { name, points: counts.iter().map(point).collect() }
    };
    let rounds = |count: usize| request.rounds((40_000 / count).clamp(25, 2_000));
    let mut all: Vec<Measured> =
        OPS.iter().map(|op| over_counts(op.name, &|count| op.times(backends, count, rounds(count)))).collect();
    all.push(over_counts("expire at one instant", &|count| {
        let mut bursts: Vec<Burst> = backends.iter().map(|&backend| Burst::of_timers(backend, count)).collect();
        expire::medians(&mut bursts, request.rounds((40_000 / count).clamp(25, 200)))
    }));
    all
}

impl Op {
    fn times(&self, backends: &[Backend], count: usize, rounds: usize) -> Vec<f64> {
        let mut candidates: Vec<Candidate<'_>> =
            backends.iter().map(|&backend| self.candidate(TimerSet::new(backend, count))).collect();
        // The cost of timing itself is subtracted: it is large compared with one call.
        candidates.push(Candidate::new(candidates[0].times, || ()));
        let mut times = medians(&mut candidates, rounds);
        let nothing = times.pop().unwrap_or(0.0);
        times.into_iter().map(|time| (time - nothing).max(1.0)).collect()
    }

    fn candidate(&self, set: TimerSet) -> Candidate<'static> {
        let times = set.many.max(self.least);
        let set = Rc::new(RefCell::new(set));
        let again = Rc::clone(&set);
        let (prepare, run) = (self.prepare, self.run);
        Candidate::new(times, move || run(&mut set.borrow_mut())).prepared_by(move || prepare(&mut again.borrow_mut()))
    }
}

impl TimerSet {
    /// Creates armed timers.
    fn new(backend: Backend, many: usize) -> TimerSet {
        let mut random = fastrand::Rng::with_seed(7);
        let mut delay = || TimerSpec::after(Duration::from_micros(random.u64(1_000_000..3_600_000_000)));
        let delays = (0..8191).map(|_| delay()).collect();
        let mut set =
            TimerSet { backend, many, timers: Vec::new(), delays, calls: 0, later: HOUR, _other: open(backend) };
        set.renew_armed();
        set
    }

    fn renew(&mut self) {
        self.timers.clear();
        let backend = self.backend;
        self.timers.extend((0..self.many).map(|_| open(backend)));
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
            timer.set(&self.delays[self.calls % self.delays.len()]).expect("set");
        }
    }

    fn disarm(&mut self) {
        for timer in &self.timers {
            timer.disarm().expect("set");
        }
    }

    fn rearm_later(&mut self) {
        for _ in 0..self.many.max(BATCH) {
            self.calls += 1;
            self.later += Duration::from_micros(1);
            self.timers[self.calls % self.many].arm_after(self.later).expect("set");
        }
    }

    fn rearm_at_random(&mut self) {
        for _ in 0..self.many.max(BATCH) {
            self.calls += 1;
            let delay = &self.delays[self.calls % self.delays.len()];
            self.timers[self.calls % self.many].set(delay).expect("set");
        }
    }
}

fn timers(many: usize) -> String {
    format!("{} timer{}", whole(many as f64), if many == 1 { "" } else { "s" })
}

fn picture(backends: &[Backend], all: &[Measured]) -> Result<String, Box<dyn Error>> {
    let panels: Vec<Panel> = all.iter().map(|op| panel(backends, op)).collect();
    svg("Cost of a call against the number of timers", 2, &panels)
}

fn panel(backends: &[Backend], op: &Measured) -> Panel {
    let curve = |(place, backend): (usize, &Backend)| Curve {
        name: backend.name().to_owned(),
        color: color(backend.name()),
        kind: Kind::Dots,
        points: op.points.iter().map(|(count, times)| (*count as f64, times[place])).collect(),
    };
    Panel {
        title: op.name.to_owned(),
        x: Axis::log("timers", op.points.iter().map(|point| point.0 as f64)),
        y: Axis::log("ns for each", op.points.iter().flat_map(|point| point.1.iter().copied())),
        legend: None,
        curves: backends.iter().enumerate().map(curve).collect(),
    }
}

fn tabled(backends: &[Backend], all: &[Measured]) -> String {
    let names: Vec<&str> = backends.iter().map(|backend| backend.name()).collect();
    let cell = |times: &[f64]| match times {
        [ours, kernel] => format!("{} / {} = {:.2}", short(*ours), short(*kernel), ours / kernel),
        times => times.iter().map(|&time| short(time)).collect::<Vec<_>>().join(" / "),
    };
    let line = |op: &Measured| {
        let tabled = op.points.iter().filter(|(count, _)| TABLED.contains(count));
        let mut cells = vec![op.name.to_owned()];
        cells.extend(tabled.map(|(_, times)| cell(times)));
        cells
    };
    let mut head = vec![format!("ns for each: {}", names.join(" / "))];
    let counts = all[0].points.iter().map(|point| point.0);
    head.extend(counts.filter(|count| TABLED.contains(count)).map(timers));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &all.iter().map(line).collect::<Vec<_>>())
}
