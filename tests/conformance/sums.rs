//! Sums: the reads of all threads, of every kind, add up to the count by the clock.

use crate::support::*;
use crate::test_backend::TestBackend;
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use portable_timerfd::{Clock, ClockTime, TimerFd, TimerSpec};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

crate::cases![raw_reads_and_read_calls_of_several_timers_add_up_to_the_tick];

/// The number of successful reads, half of them raw. `CONFORMANCE_READS=10000000` makes a long run.
fn reads() -> u64 {
    std::env::var("CONFORMANCE_READS").map_or(100_000, |reads| reads.parse().expect("CONFORMANCE_READS is a number"))
}

/// A periodic timer that several threads read.
#[derive(Debug)]
struct Counted {
    timer: TimerFd,
    duplicate: OwnedFd,
    first: ClockTime,
    interval: Duration,
    sum: AtomicU64,
}

impl Counted {
    fn new(backend: &TestBackend, (clock, nanos): (Clock, u64)) -> Counted {
        let timer = open_on(backend.inner, clock);
        let duplicate = timer.as_fd().try_clone_to_owned().unwrap();
        let (first, interval) = (clock.now().unwrap() + ms(1), Duration::from_nanos(nanos));
        timer.set(&TimerSpec::at(first).every(interval)).unwrap();
        Counted { timer, duplicate, first, interval, sum: AtomicU64::new(0) }
    }

    /// Reads in one of several ways; returns whether there was a count.
    fn read(&self, raw: bool, round: u64) -> bool {
        let count = match (raw, round % 3) {
            (true, 0) => raw_read(&self.duplicate),
            (true, _) => raw_read(&self.timer),
            (false, 0) => self.timer.get().and_then(|_| self.timer.read()),
            (false, _) => self.timer.read(),
        };
        if let Ok(count) = &count {
            self.sum.fetch_add(*count, Ordering::Relaxed);
        }
        count.is_ok()
    }

    fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// Asserts that the sum, with the unread rest, is the count by the clock. It is exact if the
    /// clock can be read between two expirations.
    fn assert_adds_up(&self) {
        let clock = self.timer.clock();
        let expirations = || expirations(self.first, self.interval, clock.now().unwrap());
        loop {
            until_readable(&self.timer);
            let least = expirations();
            self.sum.fetch_add(self.timer.read().unwrap(), Ordering::Relaxed);
            let most = expirations();
            let sum = self.sum();
            assert!((least..=most).contains(&sum), "{self:?}: {sum} read, the clock says {least} to {most}");
            if least == most || self.interval < Duration::from_micros(100) {
                return;
            }
        }
    }

    fn switch_mode(&self, nonblocking: bool) {
        let mode = if nonblocking { OFlag::O_NONBLOCK } else { OFlag::empty() };
        fcntl(&self.timer, FcntlArg::F_SETFL(mode)).unwrap();
    }
}

fn raw_reads_and_read_calls_of_several_timers_add_up_to_the_tick(backend: &TestBackend) {
    const EVERY: [(Clock, u64); 8] = [
        (Clock::Monotonic, 1),
        (Clock::Realtime, 1),
        (Clock::Boottime, 777),
        (Clock::Monotonic, 10_000),
        (Clock::Realtime, 100_000),
        (Clock::Boottime, 333_333),
        (Clock::Monotonic, 1_000_000),
        (Clock::Realtime, 7_000_000),
    ];
    let here = EVERY.into_iter().filter(|(clock, _)| clock.now().is_ok());
    let timers: Vec<_> = here.map(|every| Counted::new(backend, every)).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // A reader may block in the mode that it finds, but another expiration always follows.
        let switcher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for timer in &timers {
                    timer.switch_mode(false);
                    timer.switch_mode(true);
                }
                thread::sleep(ms(1));
            }
        });
        let readers = [true, true, false, false].map(|raw| {
            let timers = &timers;
            scope.spawn(move || {
                let (wanted, mut successful) = (reads() / 4, 0);
                for round in 0.. {
                    successful += timers.iter().filter(|timer| timer.read(raw, round)).count() as u64;
                    if successful >= wanted {
                        return;
                    }
                }
            })
        });
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        done.store(true, Ordering::Relaxed);
        switcher.join().unwrap();
    });
    timers.iter().for_each(Counted::assert_adds_up);
}
