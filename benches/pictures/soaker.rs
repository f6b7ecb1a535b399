//! One row's soak, in a process of its own: many periodic timers in one loop, and at the end each one's count beside the
//! clock. Prints, separated by tabs, a `sample` about each second, and a `result`.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{backends, polling, Backend, Registered, Timer, TimerFd, TimerSpec};
use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use crate::allocator;
use crate::rows::{as_many_as_fit, open};
use crate::shots::now;
use crate::usage::processor_time;

const TIMERS: usize = 2_000;
/// Microseconds.
const PERIODS: std::ops::RangeInclusive<u64> = 5_000..=500_000;

/// A periodic timer, and how often a read has said that it expired.
struct Metronome {
    timer: Registered<TimerFd>,
    first: Duration,
    interval: Duration,
    ticks: u64,
    /// How many more than the clock had passed it has said, at its worst.
    early: u64,
    /// How many of those that the clock had passed it has never said.
    lost: u64,
}

pub fn run(row: &str, seconds: u64) -> Result<(), Box<dyn Error>> {
    let row = backends::named(row).ok_or("there is no such row")?;
    let poller = Arc::new(Poller::new()?);
    let mut metronomes = metronomes(&poller, row)?;
    soak(&poller, &mut metronomes, Duration::from_secs(seconds))?;
    for metronome in &mut metronomes {
        metronome.settle()?;
    }
    let sum = |of: fn(&Metronome) -> u64| metronomes.iter().map(of).sum::<u64>();
    let (ticks, lost, early) = (sum(|one| one.ticks), sum(|one| one.lost), sum(|one| one.early));
    println!("result\t{}\t{ticks}\t{lost}\t{early}", metronomes.len());
    Ok(())
}

/// The same periods and phases on every row.
fn metronomes(poller: &Arc<Poller>, row: &'static Backend) -> std::io::Result<Vec<Metronome>> {
    let mut random = fastrand::Rng::with_seed(3);
    let begin = now() + Duration::from_millis(300);
    let metronome = |key| {
        let timer = Registered::new(poller, open(row), Event::readable(key), PollMode::Level)?;
        let period = random.u64(PERIODS);
        let interval = Duration::from_micros(period);
        let first = begin + Duration::from_micros(random.u64(0..period));
        timer.settime(&TimerSpec::at(first).every(interval))?;
        Ok(Metronome { timer, first, interval, ticks: 0, early: 0, lost: 0 })
    };
    (0..as_many_as_fit(TIMERS, 2)).map(metronome).collect()
}

/// Reads each timer when the loop tells of it.
fn soak(poller: &Poller, all: &mut [Metronome], length: Duration) -> std::io::Result<()> {
    const STEP: Duration = Duration::from_secs(1);
    let mut events = Events::new();
    // Of each eighth timer. Room for a second's, so that they are no growth of the heap.
    let mut lags = Vec::with_capacity(1 << 12);
    let begin = now();
    let mut next_sample = begin;
    loop {
        let time = now();
        if time >= next_sample {
            sample(time - begin, &mut lags);
            next_sample = (next_sample + STEP).max(time);
        }
        if time >= begin + length {
            return Ok(());
        }
        events.clear();
        poller.wait(&mut events, Some(next_sample.min(begin + length).saturating_sub(time)))?;
        for event in events.iter() {
            let lag = all[event.key].read()?;
            lags.extend(lag.filter(|_| event.key % 8 == 0));
        }
    }
}

impl Metronome {
    /// Takes what there is to read, if anything, and says how long ago the last of it was due. Nothing may have been counted
    /// ahead of the clock.
    fn read(&mut self) -> std::io::Result<Option<Duration>> {
        match self.timer.read() {
            Ok(count) => self.ticks += count,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        }
        let time = now();
        self.early = self.early.max(self.ticks.saturating_sub(self.expirations(time)));
        let last = self.interval.as_nanos() * u128::from(self.ticks - 1);
        Ok(Some(time.saturating_sub(self.first + Duration::from_nanos(last as u64))))
    }

    /// How often it has expired at this time, says the clock.
    fn expirations(&self, time: Duration) -> u64 {
        let Some(since) = time.checked_sub(self.first) else { return 0 };
        u64::try_from(since.as_nanos() / self.interval.as_nanos()).expect("a short run") + 1
    }

    /// All that came before the last read was begun must have been counted. The kernel may need a moment between a time and
    /// its count, so it is asked again; what is lost stays lost.
    fn settle(&mut self) -> std::io::Result<()> {
        const TRIES: usize = 20;
        for _ in 0..TRIES {
            let before = now();
            self.read()?;
            self.lost = self.expirations(before).saturating_sub(self.ticks);
            if self.lost == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Seconds since the beginning, bytes of memory that are resident and that the program has asked for, seconds of a
/// processor's time, and the median of the microseconds that reads came late since the sample before.
fn sample(since: Duration, lags: &mut Vec<Duration>) {
    let middle = lags.len() / 2;
    let lag = (!lags.is_empty()).then(|| *lags.select_nth_unstable(middle).1);
    lags.clear();
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    println!(
        "sample\t{:.3}\t{}\t{}\t{:.6}\t{}",
        since.as_secs_f64(),
        or_dash(resident().map(|bytes| bytes.to_string())),
        allocator::bytes(),
        processor_time().as_secs_f64(),
        or_dash(lag.map(|lag| (lag.as_nanos() as f64 / 1e3).to_string())),
    );
}

/// Linux has it in a file.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(size).ok()?)
}
