//! When the thread refreshes counts that have stayed unread for long: together, and for a small
//! share of one CPU. What was measured is an argument.

/// All these refreshes take one nanosecond of CPU time in so many at most: 2 %.
const ONE_IN: u64 = 50;

/// What waking up for them is taken to cost, in nanoseconds of CPU time.
const WAKE_UP: u64 = 6_000;

/// How many timers one round refreshes. Any other timer that becomes due meanwhile waits for them.
pub(super) const MOST: usize = 32;

/// The rounds of refreshes: each refreshes some timers, those that have waited for longest.
#[derive(Debug, Default)]
pub(super) struct Refreshes {
    next: u64,
    rounds: usize,
}

impl Refreshes {
    /// The earliest time of the next round, by the monotonic clock.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// How many rounds there were.
    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    /// A round has ended `now`, and took so much CPU time. The next one is at least `pause` later.
    pub(super) fn made(&mut self, now: u64, took: u64, pause: u64) {
        let pause = took.saturating_add(WAKE_UP).saturating_mul(ONE_IN).max(pause);
        self.next = now.saturating_add(pause);
        self.rounds = self.rounds.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refreshes_take_2_percent_of_a_cpu_at_most() {
        let mut refreshes = Refreshes::default();
        let (mut now, mut spent) = (0, 0);
        for took in (0..1_000).map(|i| i * 7_919 % 300_000) {
            now = now.max(refreshes.next()) + took;
            spent += took;
            refreshes.made(now, took, 1);
        }
        assert!(spent * ONE_IN <= now, "{spent} of {now}");
    }

    #[test]
    fn few_are_refreshed_as_often_as_the_system_allows() {
        let mut refreshes = Refreshes::default();
        refreshes.made(7, 20_000, 1_500_000);
        assert_eq!(refreshes.next(), 1_500_007);
    }
}
