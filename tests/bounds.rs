//! Measures the bounds that `docs/parity.md` states. A missing event fails a test; its latency does
//! not.

#[path = "common/mod.rs"]
mod common;
#[path = "common/measured.rs"]
mod measured;

use common::{expirations, raw_read, until_readable, userspace_builder};
use portable_timerfd::backends::userspace::RawTimer;
use portable_timerfd::{Clock, CreateFlags, Timer, TimerFd, TimerSpec};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const ROUNDS: usize = 30;

fn now() -> Duration {
    Clock::Monotonic.now().unwrap()
}

/// Returns a timer that has expired each microsecond, unread for so long that the thread refreshes
/// it at the lowest rate, and its first expiration.
fn left_unread() -> (TimerFd, Duration) {
    let timer = userspace_builder(Clock::Monotonic).open().unwrap();
    let first = now();
    timer.settime(&TimerSpec::at(first).every(Duration::from_micros(1))).unwrap();
    std::thread::sleep(Duration::from_millis(40));
    until_readable(&timer);
    (timer, first)
}

#[test]
fn the_age_of_a_raw_read_count() {
    let age = || loop {
        let (timer, first) = left_unread();
        let expired = expirations(first, Duration::from_micros(1), now());
        // During a refresh, the pipe is empty for a moment.
        if let Ok(count) = raw_read(&timer) {
            return Duration::from_micros(expired.saturating_sub(count));
        }
    };
    let ages = (0..ROUNDS).map(|_| age()).collect();
    measured::record("userspace", "the_age_of_a_raw_read_count", ages);
}

/// Measures the age of one count among 100 that stay unread.
#[test]
fn the_age_of_one_unread_count_of_100() {
    let first = now();
    let every = Duration::from_micros(1);
    let open = |_| {
        let timer = userspace_builder(Clock::Monotonic).open().unwrap();
        timer.settime(&TimerSpec::at(first).every(every)).unwrap();
        timer
    };
    let timers: Vec<TimerFd> = (0..100).map(open).collect();
    std::thread::sleep(Duration::from_millis(300));
    let age = |timer: &TimerFd| {
        let expired = expirations(first, every, now());
        raw_read(timer).ok().map(|count| Duration::from_micros(expired.saturating_sub(count)))
    };
    let ages: Vec<Duration> = timers.iter().filter_map(age).collect();
    assert!(ages.len() > 50, "at a refresh there is none for a moment");
    measured::record("userspace", "the_age_of_one_unread_count_of_100", ages);
}

#[test]
fn the_time_until_readable_after_a_raw_read() {
    let pause = || {
        let (timer, _) = left_unread();
        while raw_read(&timer).is_err() {}
        let read = Instant::now();
        until_readable(&timer);
        read.elapsed()
    };
    let pauses = (0..ROUNDS).map(|_| pause()).collect();
    measured::record("userspace", "the_time_until_readable_after_a_raw_read", pauses);
}

/// Measures for how long an epoll set reports an unread timer whose only descriptor was closed.
#[cfg(target_os = "linux")]
#[test]
fn the_time_a_closed_timer_stays_reported() {
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
    let set = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let reported_for = |round: u64| {
        let timer = RawTimer::create(Clock::Monotonic, CreateFlags::default()).unwrap();
        set.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, round)).unwrap();
        let interval = Duration::from_micros(1);
        RawTimer::find(timer.as_raw_fd()).unwrap().settime(&TimerSpec::after(interval).every(interval)).unwrap();
        // Closes the descriptor at some moment between two refreshes, or during one.
        let goal = Instant::now() + Duration::from_micros(50 + round % 400);
        while Instant::now() < goal {}
        drop(timer);
        let closed = Instant::now();
        let mut last = closed;
        while set.wait(&mut [EpollEvent::empty()], 0u8).unwrap() > 0 {
            last = Instant::now();
        }
        last - closed
    };
    let times = (0..2_000).map(reported_for).collect();
    measured::record("userspace", "the_time_a_closed_timer_stays_reported", times);
}

/// Measures the time between the end of a period and its interrupt.
#[cfg(target_os = "linux")]
#[test]
fn the_time_linux_reports_no_remaining_time_of_a_periodic_timer() {
    use portable_timerfd::backends;
    let timer = TimerFd::builder(Clock::Monotonic).backend(backends::named("kernel").unwrap()).open().unwrap();
    timer.arm_every(Duration::from_micros(100)).unwrap();
    let moment = || {
        let begun = Instant::now();
        let mut last = begun;
        while !timer.gettime().unwrap().is_armed() {
            last = Instant::now();
        }
        last - begun
    };
    let moments = (0..100_000).map(|_| moment()).filter(|moment| !moment.is_zero()).chain([Duration::ZERO]).collect();
    let test = "the_time_linux_reports_no_remaining_time_of_a_periodic_timer";
    measured::record("kernel", test, moments);
}
