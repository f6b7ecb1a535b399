//! Limits the CPU time of the timer thread: of spinning before expirations, of refreshing unread
//! counts, and of sweeping fd-only timers. All measurements are arguments.
//!
//! Most of a timer's latency is the time in which a sleeping CPU and thread wake up. So the thread
//! sleeps until some time before a timer is due, and then spins until it is due. Counts come from
//! the clock, so a timer is never early.
//!
//! The refreshes of counts that have stayed unread for long together take about 2 % of one CPU. The
//! thread is not notified when a raw `read(2)` has emptied a pipe. On Linux an epoll set of the
//! write ends would notify it, but that set would be one more descriptor. A program that closes all
//! descriptors could get its number for an epoll set of its own, and the library cannot distinguish
//! two epoll sets.

use crate::backends::emulation::schedule::{self, Urgency};

/// The longest wake-up latency, in nanoseconds, that is compensated. Beyond it the machine is busy,
/// and spinning would not help.
const MAX_LATENCY: u64 = 200_000;

/// The shortest wake-ahead of a precise timer.
const MIN_PRECISE: u64 = 100_000;

/// The thread may spend one in this many nanoseconds on spinning for adaptive timers: 1 %.
const SPIN_ONE_IN: u64 = 100;

/// The largest budget for spinning that accumulates.
const MAX_BUDGET: u64 = 1_000_000;

/// How long before an expiration the thread wakes up, to spin until it: the recent 90th-percentile
/// wake-up latency. In adaptive mode it is scaled by a token bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct WakeAhead {
    latency: u64,
    budget: u64,
    budget_time: u64,
}

/// What the thread has measured while it waited, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    Nothing,
    /// It slept, and woke up this late.
    Latency(u64),
    /// It spun for this long for an adaptive timer.
    Spin(u64),
}

impl WakeAhead {
    /// Without measurements, and with the largest budget.
    pub(super) const fn new() -> WakeAhead {
        WakeAhead { latency: MIN_PRECISE / 2, budget: MAX_BUDGET, budget_time: 0 }
    }

    /// The wake-ahead of a timer, in nanoseconds. In adaptive mode it shrinks with the budget,
    /// until as much is spent as accumulates.
    #[inline]
    pub(super) fn of(&self, urgency: Urgency) -> u64 {
        match urgency {
            Urgency::Unread | Urgency::Economical => 0,
            Urgency::Adaptive => self.latency * self.budget / MAX_BUDGET,
            Urgency::Precise => MIN_PRECISE.max(2 * self.latency),
        }
    }

    pub(super) fn add(&mut self, sample: Sample) {
        match sample {
            Sample::Nothing => {}
            Sample::Latency(late) => self.add_latency(late),
            Sample::Spin(nanos) => self.budget = self.budget.saturating_sub(nanos),
        }
    }

    fn add_latency(&mut self, late: u64) {
        // An increase is nine times a decrease, so the estimate settles where one sample of ten is
        // larger.
        let step = self.latency / 128 + 10;
        self.latency = if late > self.latency { self.latency + 9 * step } else { self.latency.saturating_sub(step) };
        self.latency = self.latency.min(MAX_LATENCY);
    }

    /// Adds the budget that has accumulated until `now`.
    pub(super) fn accumulate(&mut self, now: u64) {
        let added = now.saturating_sub(self.budget_time) / SPIN_ONE_IN;
        // The remainder of the division is kept for the next time.
        self.budget_time = self.budget_time.saturating_add(added * SPIN_ONE_IN);
        self.budget = self.budget.saturating_add(added).min(MAX_BUDGET);
    }
}

/// The thread may spend one in this many nanoseconds on refreshing unread counts: 2 %.
const REFRESH_ONE_IN: u64 = 50;

/// The CPU time of a wake-up for refreshes, in nanoseconds. The thread does not measure it.
const WAKE_UP: u64 = 15_000;

/// The largest number of unread counts that the thread refreshes in one pass. A timer that becomes
/// due meanwhile waits for them.
pub(super) const REFRESH_BATCH: usize = 8;

/// The number of passes in a row. Then there is a pause.
const BATCHES: usize = 4;

/// When the thread refreshes counts that have stayed unread for long: in rounds of a few batches,
/// with pauses in between.
#[derive(Debug, Default)]
pub(super) struct RefreshBudget {
    next: u64,
    /// The CPU time and the number of batches of the present round.
    spent: u64,
    batches: usize,
    rounds: usize,
}

impl RefreshBudget {
    /// The earliest time of the next batch, by the monotonic clock.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The number of rounds so far.
    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    /// A batch of this `size` that took `cpu_time` has ended `now`. If it ends its round, the next
    /// one is at least `pause` later.
    pub(super) fn spend(&mut self, now: u64, size: usize, cpu_time: u64, pause: u64) {
        self.spent = self.spent.saturating_add(cpu_time);
        self.batches += 1;
        if size == REFRESH_BATCH && self.batches < BATCHES {
            return;
        }
        // The count of a lone unread timer must not be older than 2 ms.
        let wake_up = if self.batches == 1 && size == 1 { 0 } else { WAKE_UP };
        let pause = self.spent.saturating_add(wake_up).saturating_mul(REFRESH_ONE_IN).max(pause);
        *self =
            RefreshBudget { next: now.saturating_add(pause), rounds: self.rounds.wrapping_add(1), ..Self::default() };
    }
}

/// When the timer thread sweeps: soon after a timer was created or an orphaned one was found, then
/// at intervals that double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SweepTimes {
    next: u64,
    interval: u64,
}

/// The shortest and the longest interval between two sweeps of the thread, in nanoseconds.
const MIN_SWEEP_INTERVAL: u64 = 1_000_000_000;
const MAX_SWEEP_INTERVAL: u64 = 64_000_000_000;

impl SweepTimes {
    /// No sweep.
    pub(super) const NEVER: SweepTimes = SweepTimes { next: schedule::NEVER, interval: MIN_SWEEP_INTERVAL };

    /// The time of the next sweep, by the monotonic clock.
    pub(super) fn next(&self) -> Option<u64> {
        (self.next < schedule::NEVER).then_some(self.next)
    }

    /// A timer was created.
    pub(super) fn begin(&mut self, now: u64) {
        self.next = self.next.min(now.saturating_add(MIN_SWEEP_INTERVAL));
        self.interval = MIN_SWEEP_INTERVAL;
    }

    /// A sweep has ended. `found` tells whether it found an orphaned timer, and `is_empty` whether
    /// no timer is left.
    pub(super) fn end(&mut self, found: bool, is_empty: bool, now: u64) {
        self.interval = if found { MIN_SWEEP_INTERVAL } else { (self.interval * 2).min(MAX_SWEEP_INTERVAL) };
        self.next = if is_empty { schedule::NEVER } else { now.saturating_add(self.interval) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Wake-up latencies of 20 to 60 µs, equally distributed.
    fn latencies() -> impl Iterator<Item = u64> {
        (0..).map(|i: u64| 20_000 + i * 7_919 % 40_000)
    }

    /// The share of the time that is spent spinning before periodic expirations.
    fn spin_share(wake_ahead: &mut WakeAhead, interval: u64, expirations: u64) -> f64 {
        let mut spun = 0;
        for (number, latency) in (0..expirations).zip(latencies()) {
            wake_ahead.accumulate(number * interval);
            let spin = wake_ahead.of(Urgency::Adaptive).saturating_sub(latency);
            wake_ahead.add(Sample::Latency(latency));
            wake_ahead.add(Sample::Spin(spin));
            spun += spin;
        }
        spun as f64 / (expirations * interval) as f64
    }

    #[test]
    fn the_wake_ahead_is_the_recent_90th_percentile_of_the_latencies() {
        let mut wake_ahead = WakeAhead::new();
        latencies().take(5000).for_each(|latency| wake_ahead.add(Sample::Latency(latency)));
        let learnt = wake_ahead.of(Urgency::Adaptive);
        assert!((53_000..59_000).contains(&learnt), "{learnt}");
        (0..5000).for_each(|_| wake_ahead.add(Sample::Latency(5_000)));
        assert!(wake_ahead.of(Urgency::Adaptive) < 6_000, "older latencies do not count");
        (0..5000).for_each(|_| wake_ahead.add(Sample::Latency(SECOND)));
        assert_eq!(wake_ahead.of(Urgency::Adaptive), MAX_LATENCY);
    }

    #[test]
    fn spinning_for_adaptive_timers_takes_1_percent_at_any_rate() {
        for interval in [50_000, 200_000, 1_000_000] {
            let mut wake_ahead = WakeAhead::new();
            // Spends the budget that has accumulated.
            spin_share(&mut wake_ahead, interval, SECOND / interval);
            let share = spin_share(&mut wake_ahead, interval, 10 * SECOND / interval);
            assert!(share <= 0.0101, "{share} at {interval} ns");
        }
        let seldom = spin_share(&mut WakeAhead::new(), 100_000_000, 1000);
        assert!(seldom < 0.0005, "{seldom}");
    }

    #[test]
    fn the_budget_limits_only_the_adaptive_mode() {
        let mut wake_ahead = WakeAhead::new();
        wake_ahead.add(Sample::Spin(SECOND));
        assert_eq!(wake_ahead.of(Urgency::Adaptive), 0);
        assert_eq!(wake_ahead.of(Urgency::Economical), 0);
        assert!(wake_ahead.of(Urgency::Precise) >= MIN_PRECISE);
        wake_ahead.accumulate(50 * SECOND);
        assert!(wake_ahead.of(Urgency::Adaptive) > 0, "the budget accumulates again");
    }

    #[test]
    fn refreshes_take_2_percent_of_a_cpu_at_most() {
        let mut budget = RefreshBudget::default();
        let (mut now, mut spent) = (0, 0);
        for cpu_time in (0..1_000).map(|i| i * 7_919 % 300_000) {
            now = now.max(budget.next()) + cpu_time;
            spent += cpu_time;
            budget.spend(now, (cpu_time % 9) as usize, cpu_time, 1);
        }
        assert!(spent * REFRESH_ONE_IN <= now, "{spent} of {now}");
    }

    #[test]
    fn a_pause_follows_four_full_batches_or_one_that_is_not_full() {
        let mut budget = RefreshBudget::default();
        for _ in 0..3 {
            budget.spend(7, REFRESH_BATCH, 1, 0);
            assert_eq!((budget.next(), budget.rounds()), (0, 0));
        }
        budget.spend(7, REFRESH_BATCH, 1, 0);
        assert_eq!((budget.next(), budget.rounds()), (7 + 50 * (4 + WAKE_UP), 1));
        budget.spend(7, REFRESH_BATCH - 1, 1, 0);
        assert_eq!((budget.next(), budget.rounds()), (7 + 50 * (1 + WAKE_UP), 2));
    }

    #[test]
    fn few_counts_are_refreshed_as_often_as_the_system_allows() {
        let mut budget = RefreshBudget::default();
        budget.spend(7, 4, 9_000, 1_500_000);
        assert_eq!(budget.next(), 1_500_007);
    }

    #[test]
    fn sweeps_begin_a_second_after_a_creation_and_are_a_minute_apart_in_the_end() {
        let mut sweeps = SweepTimes::NEVER;
        assert_eq!(sweeps.next(), None);
        sweeps.begin(5);
        let mut last = 5;
        let mut interval = |sweeps: SweepTimes| {
            let next = sweeps.next().unwrap();
            (next - std::mem::replace(&mut last, next)) / 1_000_000_000
        };
        let mut intervals = vec![interval(sweeps)];
        for _ in 0..8 {
            sweeps.end(false, false, sweeps.next().unwrap());
            intervals.push(interval(sweeps));
        }
        assert_eq!(intervals, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        sweeps.end(true, false, sweeps.next().unwrap());
        assert_eq!(interval(sweeps), 1);
        sweeps.end(true, true, sweeps.next().unwrap());
        assert_eq!(sweeps.next(), None);
    }
}
