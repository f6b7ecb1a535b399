//! The soak of one backend in its own process: many periodic timers in one loop.
//!
//! Prints, separated by tabs, a `sample` about every second and a `result`. At the end, compares
//! the count of each timer with the clock.

use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{polling, Backend, ClockTime, Registered, TimerFd, TimerSpec};
use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::allocator;
use crate::latency::now;
use crate::timers::{as_many_as_fit, open};
use crate::usage::cpu_time;

const TIMERS: usize = 2_000;
/// Microseconds.
const PERIODS: std::ops::RangeInclusive<u64> = 5_000..=500_000;

/// A periodic timer, and the sum of the counts that were read.
struct PeriodicTimer {
    timer: Registered<TimerFd>,
    first: ClockTime,
    interval: Duration,
    ticks: u64,
    /// The largest number of expirations that a read returned before their time.
    early: u64,
    /// The number of expirations whose time has passed and that no read returned.
    lost: u64,
}

pub fn run(backend: &str, seconds: u64) -> Result<(), Box<dyn Error>> {
    let backend = backend.parse()?;
    let poller = Arc::new(Poller::new()?);
    let mut timers = timers(&poller, backend)?;
    soak(&poller, &mut timers, Duration::from_secs(seconds))?;
    for timer in &mut timers {
        timer.check_lost()?;
    }
    let sum = |of: fn(&PeriodicTimer) -> u64| timers.iter().map(of).sum::<u64>();
    let (ticks, lost, early) = (sum(|one| one.ticks), sum(|one| one.lost), sum(|one| one.early));
    println!("result\t{}\t{ticks}\t{lost}\t{early}", timers.len());
    Ok(())
}

/// Creates the timers, with the same periods and phases on every backend.
fn timers(poller: &Arc<Poller>, backend: Backend) -> std::io::Result<Vec<PeriodicTimer>> {
    let mut random = fastrand::Rng::with_seed(3);
    let begin = now() + Duration::from_millis(300);
    let timer = |key| {
        let timer = Registered::new(poller, open(backend), Event::readable(key), PollMode::Level)?;
        let period = random.u64(PERIODS);
        let interval = Duration::from_micros(period);
        let first = begin + Duration::from_micros(random.u64(0..period));
        timer.set(&TimerSpec::at(first).every(interval))?;
        Ok(PeriodicTimer { timer, first, interval, ticks: 0, early: 0, lost: 0 })
    };
    (0..as_many_as_fit(TIMERS, 2)).map(timer).collect()
}

/// Reads each timer when the loop reports it.
fn soak(poller: &Poller, all: &mut [PeriodicTimer], length: Duration) -> std::io::Result<()> {
    const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
    let mut events = Events::new();
    // The latencies of every eighth timer. The capacity suffices for a second, so the heap does not
    // grow.
    let mut lags = Vec::with_capacity(1 << 12);
    let begin = Instant::now();
    let mut next_sample = begin;
    loop {
        let time = Instant::now();
        if time >= next_sample {
            sample(time - begin, &mut lags);
            next_sample = (next_sample + SAMPLE_INTERVAL).max(time);
        }
        if time >= begin + length {
            return Ok(());
        }
        events.clear();
        poller.wait(&mut events, Some(next_sample.min(begin + length).saturating_duration_since(time)))?;
        for event in events.iter() {
            let lag = all[event.key].read()?;
            lags.extend(lag.filter(|_| event.key % 8 == 0));
        }
    }
}

impl PeriodicTimer {
    /// Reads the timer and returns the latency of the last expiration, or `None` if there is none.
    ///
    /// Also records expirations that were counted too early.
    fn read(&mut self) -> std::io::Result<Option<Duration>> {
        match self.timer.read() {
            Ok(count) => self.ticks += count,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        }
        let time = now();
        self.early = self.early.max(self.ticks.saturating_sub(self.expirations(time)));
        let last = self.interval.as_nanos() * u128::from(self.ticks - 1);
        Ok(Some(time.saturating_duration_since(self.first + Duration::from_nanos(last as u64))))
    }

    /// Returns the number of expirations until this time by the clock.
    fn expirations(&self, time: ClockTime) -> u64 {
        let Some(since) = time.checked_duration_since(self.first) else { return 0 };
        u64::try_from(since.as_nanos() / self.interval.as_nanos()).expect("a short run") + 1
    }

    /// Checks that reads have returned all expirations before the last read began.
    ///
    /// The kernel may need a moment between an expiration and its count, so the check is repeated.
    /// A lost expiration stays lost.
    fn check_lost(&mut self) -> std::io::Result<()> {
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

/// Prints a sample, separated by tabs.
///
/// It has the seconds since the start, the resident bytes, the allocated bytes, the seconds of CPU
/// time, and the median latency of reads since the last sample, in microseconds.
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
        cpu_time().as_secs_f64(),
        or_dash(lag.map(|lag| (lag.as_nanos() as f64 / 1e3).to_string())),
    );
}

/// Returns the resident memory in bytes, on Linux.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(size).ok()?)
}
