//! Many periodic timers for a long time, each row in a process of its own, all at once: whether a tick is lost, whether memory
//! grows, and what processor time it takes.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::axis::Axis;
use crate::page::{short, table, whole, Block, Report};
use crate::plot::{color, svg, Curve, Kind, Panel};
use crate::rows::rows;
use crate::Request;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A row's soak.
struct Soaked {
    row: &'static str,
    samples: Vec<Sample>,
    /// How many timers, how many ticks, and how many of them lost, and counted ahead of the clock.
    totals: [u64; 4],
}

struct Sample {
    /// Since the beginning.
    seconds: f64,
    /// Bytes; not known on every system.
    resident: Option<f64>,
    heap: f64,
    /// Seconds.
    processor: f64,
    /// By how many microseconds reads came after what they told of, in the middle; none, where there was no read.
    lag: Option<f64>,
}

const MIB: f64 = 1048576.0;
const KIB: f64 = 1024.0;

pub fn run(request: &Request) -> Outcome<Report> {
    let seconds = request.soak_seconds();
    let all = measure(seconds)?;
    Ok(Report(vec![
        Block::Picture {
            name: "soak",
            what: "Memory and processor time over a long run",
            svg: picture(seconds, &all)?,
        },
        Block::Text(tabled(seconds, &all)),
    ]))
}

fn measure(seconds: u64) -> Outcome<Vec<Soaked>> {
    let started: Vec<(&'static str, Child)> =
        rows().iter().map(|row| Ok((row.name(), start(row.name(), seconds)?))).collect::<Outcome<_>>()?;
    // Their output waits in the pipes: some kilobytes, were nobody to read.
    let readers: Vec<_> = started
        .into_iter()
        .map(|(row, child)| std::thread::spawn(move || collect(row, child, seconds).map_err(|e| format!("{row}: {e}"))))
        .collect();
    readers.into_iter().map(|reader| Ok(reader.join().map_err(|_| "a reader panicked")??)).collect()
}

fn start(row: &str, seconds: u64) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["--soaker", row, "--soak-seconds", &seconds.to_string()])
        .stdout(Stdio::piped())
        .spawn()
}

fn collect(row: &'static str, mut child: Child, seconds: u64) -> Outcome<Soaked> {
    let mut soaked = Soaked { row, samples: Vec::new(), totals: [0; 4] };
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
            eprintln!("  {row}: {:.0} s of {seconds}", soaked.samples[soaked.samples.len() - 1].seconds);
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
        let [seconds, resident, heap, processor, lag] = fields else { return Err("a sample of five".into()) };
        Ok(Sample {
            seconds: seconds.parse()?,
            resident: resident.parse().ok(),
            heap: heap.parse()?,
            processor: processor.parse()?,
            lag: lag.parse().ok(),
        })
    }
}

impl Soaked {
    /// Percent of one processor, from each of these samples to the next of them.
    fn load(&self, step: usize) -> Vec<(f64, f64)> {
        let marks: Vec<&Sample> = self.samples.iter().step_by(step.max(1)).collect();
        marks.windows(2).map(|pair| (pair[1].seconds, load(pair[0], pair[1]))).collect()
    }
}

/// Percent of one processor.
fn load(from: &Sample, to: &Sample) -> f64 {
    100.0 * (to.processor - from.processor) / (to.seconds - from.seconds)
}

fn picture(seconds: u64, all: &[Soaked]) -> Outcome<String> {
    let of = |value: &dyn Fn(&Sample) -> Option<f64>, soaked: &Soaked| {
        soaked.samples.iter().filter_map(|sample| Some((sample.seconds, value(sample)?))).collect::<Vec<_>>()
    };
    // Sixty intervals.
    let step = usize::try_from(seconds / 60)?;
    let panels = [
        panel("memory, resident", "MiB", all, |soaked| of(&|sample| Some(sample.resident? / MIB), soaked)),
        panel("memory, on the heap", "KiB", all, |soaked| of(&|sample| Some(sample.heap / KIB), soaked)),
        panel("processor time", "% of one processor", all, |soaked| soaked.load(step)),
        panel("lateness of a read, median of each second", "µs", all, |soaked| of(&|sample| sample.lag, soaked)),
    ];
    let timers = all.first().map_or(0, |soaked| soaked.totals[0]);
    svg(&format!("{} periodic timers for {seconds} s", whole(timers as f64)), 2, &panels)
}

fn panel(title: &str, unit: &str, all: &[Soaked], points: impl Fn(&Soaked) -> Vec<(f64, f64)>) -> Panel {
    let curve = |soaked| Curve {
        name: Soaked::name(soaked),
        color: color(soaked.row),
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
        self.row.to_owned()
    }

    fn cells(&self) -> Option<Vec<String>> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let mut cells = vec![self.row.to_owned()];
        cells.extend(self.totals[1..].iter().map(|&total| whole(total as f64)));
        cells.push(self.course(MIB, |sample| sample.resident));
        cells.push(self.course(KIB, |sample| Some(sample.heap)));
        cells.push(short(last.processor - first.processor));
        cells.push(short(load(first, last)));
        cells.push(self.course(1.0, |sample| sample.lag));
        Some(cells)
    }

    /// At the beginning, at the end, and at its most.
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
        "processor time, s",
        "that is, % of one processor",
        "lateness of a read, median, µs: first / last / most",
    ];
    let timers = all.first().map_or(0, |soaked| soaked.totals[0]);
    format!("{} timers of each backend, for {seconds} s, both at once.\n\n", whole(timers as f64))
        + &table(&head, &all.iter().filter_map(Soaked::cells).collect::<Vec<_>>())
}
