//! Runs many periodic timers for a long time, and records lost ticks, memory and CPU time.
//!
//! Each backend has its own process. The processes run at the same time.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::axis::Axis;
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{svg, Curve, Kind, Panel};
use crate::scheme::color;
use crate::timers::available_backends;
use crate::Request;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The results of one backend.
struct Soaked {
    backend: &'static str,
    samples: Vec<Sample>,
    /// The numbers of timers, of ticks, of lost ticks, and of ticks that were counted too early.
    totals: [u64; 4],
}

struct Sample {
    /// Seconds since the start.
    seconds: f64,
    /// Resident memory in bytes, if the system reports it.
    resident: Option<f64>,
    /// Allocated bytes.
    heap: f64,
    /// CPU time in seconds.
    cpu: f64,
    /// The median latency of reads in microseconds, if there was a read.
    lag: Option<f64>,
}

const MIB: f64 = 1048576.0;
const KIB: f64 = 1024.0;

pub fn run(request: &Request) -> Outcome<Report> {
    let seconds = request.soak_seconds();
    let all = measure(seconds)?;
    Ok(Report(vec![
        Block::Picture { name: "soak", what: "Memory and CPU time over a long run", svg: picture(seconds, &all)? },
        Block::Text(tabled(seconds, &all)),
    ]))
}

fn measure(seconds: u64) -> Outcome<Vec<Soaked>> {
    let started: Vec<(&'static str, Child)> = available_backends()
        .iter()
        .map(|backend| Ok((backend.name(), start(backend.name(), seconds)?)))
        .collect::<Outcome<_>>()?;
    // One thread per process reads its output, because a pipe holds only some kilobytes.
    let readers: Vec<_> = started
        .into_iter()
        .map(|(backend, child)| {
            std::thread::spawn(move || collect(backend, child, seconds).map_err(|e| format!("{backend}: {e}")))
        })
        .collect();
    readers.into_iter().map(|reader| Ok(reader.join().map_err(|_| "a reader panicked")??)).collect()
}

fn start(backend: &str, seconds: u64) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["--soaker", backend, "--soak-seconds", &seconds.to_string()])
        .stdout(Stdio::piped())
        .spawn()
}

fn collect(backend: &'static str, mut child: Child, seconds: u64) -> Outcome<Soaked> {
    let mut soaked = Soaked { backend, samples: Vec::new(), totals: [0; 4] };
    let mut is_complete = false;
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
        let line = line?;
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["sample", ..] => soaked.samples.push(Sample::parse(&fields[1..])?),
            ["result", timers, ticks, lost, early] => {
                soaked.totals = [timers.parse()?, ticks.parse()?, lost.parse()?, early.parse()?];
                is_complete = true;
            }
            _ => return Err(format!("unexpected: {line}").into()),
        }
        if soaked.samples.len() % 30 == 1 {
            eprintln!("  {backend}: {:.0} s of {seconds}", soaked.samples[soaked.samples.len() - 1].seconds);
        }
    }
    let status = child.wait()?;
    if status.success() && is_complete {
        Ok(soaked)
    } else {
        Err(status.to_string().into())
    }
}

impl Sample {
    fn parse(fields: &[&str]) -> Outcome<Sample> {
        let [seconds, resident, heap, cpu, lag] = fields else { return Err("a sample of five".into()) };
        Ok(Sample {
            seconds: seconds.parse()?,
            resident: resident.parse().ok(),
            heap: heap.parse()?,
            cpu: cpu.parse()?,
            lag: lag.parse().ok(),
        })
    }
}

impl Soaked {
    /// Returns the load in percent of one CPU, between every `step`-th sample and the next one.
    fn load(&self, step: usize) -> Vec<(f64, f64)> {
        let marks: Vec<&Sample> = self.samples.iter().step_by(step.max(1)).collect();
        marks.windows(2).map(|pair| (pair[1].seconds, load(pair[0], pair[1]))).collect()
    }
}

/// Returns the load in percent of one CPU between two samples.
fn load(from: &Sample, to: &Sample) -> f64 {
    100.0 * (to.cpu - from.cpu) / (to.seconds - from.seconds)
}

fn picture(seconds: u64, all: &[Soaked]) -> Outcome<String> {
    let of = |value: &dyn Fn(&Sample) -> Option<f64>, soaked: &Soaked| {
        soaked.samples.iter().filter_map(|sample| Some((sample.seconds, value(sample)?))).collect::<Vec<_>>()
    };
    // About sixty intervals.
    let step = usize::try_from(seconds / 60)?;
    let panels = [
        panel("memory, resident", "MiB", all, |soaked| of(&|sample| Some(sample.resident? / MIB), soaked)),
        panel("memory, on the heap", "KiB", all, |soaked| of(&|sample| Some(sample.heap / KIB), soaked)),
        panel("CPU time", "% of one CPU", all, |soaked| soaked.load(step)),
        panel("latency of a read, median of each second", "µs", all, |soaked| of(&|sample| sample.lag, soaked)),
    ];
    let timers = all.first().map_or(0, |soaked| soaked.totals[0]);
    svg(&format!("{} periodic timers for {seconds} s", whole(timers as f64)), 2, &panels)
}

fn panel(title: &str, unit: &str, all: &[Soaked], points: impl Fn(&Soaked) -> Vec<(f64, f64)>) -> Panel {
    let curve = |soaked| Curve {
        name: Soaked::name(soaked),
        color: color(soaked.backend),
        kind: Kind::Line,
        points: points(soaked),
    };
    let curves: Vec<Curve> = all.iter().map(curve).collect();
    let values = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    Panel {
        title: title.to_owned(),
        x: Axis::span("seconds", values().map(|point| point.0)),
        y: Axis::linear(unit, values().map(|point| point.1)),
        legend: None,
        curves,
    }
}

impl Soaked {
    fn name(&self) -> String {
        self.backend.to_owned()
    }

    fn cells(&self) -> Option<Vec<String>> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let mut cells = vec![self.backend.to_owned()];
        cells.extend(self.totals[1..].iter().map(|&total| whole(total as f64)));
        cells.push(self.course(MIB, |sample| sample.resident));
        cells.push(self.course(KIB, |sample| Some(sample.heap)));
        cells.push(short(last.cpu - first.cpu));
        cells.push(short(load(first, last)));
        cells.push(self.course(1.0, |sample| sample.lag));
        Some(cells)
    }

    /// Returns the first, the last and the largest value.
    fn course(&self, unit: f64, value: impl Fn(&Sample) -> Option<f64>) -> String {
        let values: Vec<f64> = self.samples.iter().filter_map(value).map(|value| value / unit).collect();
        let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return "-".to_owned() };
        [first, last, values.iter().copied().fold(0.0, f64::max)].map(short).join(" / ")
    }
}

fn tabled(seconds: u64, all: &[Soaked]) -> String {
    let head = [
        "backend",
        "ticks",
        "lost",
        "too early",
        "resident, MiB: first / last / most",
        "heap, KiB: first / last / most",
        "CPU time, s",
        "load, % of one CPU",
        "latency of a read, median, µs: first / last / most",
    ];
    let timers = all.first().map_or(0, |soaked| soaked.totals[0]);
    format!("{} timers of each backend, for {seconds} s, both at once.\n\n", whole(timers as f64))
        + &table(&head, &all.iter().filter_map(Soaked::cells).collect::<Vec<_>>())
}
