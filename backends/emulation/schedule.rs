//! One timer's arithmetic: when it expires next, and how often it has. Time is an argument.

use std::time::Duration;

/// The time that never comes: 2⁶³−1 nanoseconds, where the kernel's times saturate (`KTIME_MAX`).
pub(crate) const NEVER: u64 = i64::MAX as u64;

/// Nanoseconds. From the second on in which [`NEVER`] lies, they are [`NEVER`] (Linux, `ktime_set`).
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    const NANOS_PER_SEC: u64 = 1_000_000_000;
    match duration.as_secs() {
        secs if secs < NEVER / NANOS_PER_SEC => secs * NANOS_PER_SEC + u64::from(duration.subsec_nanos()),
        _ => NEVER,
    }
}

/// When a timer expires. Times are nanoseconds of the clock that the timer runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// [`NONE`] if there is none to come.
    next: u64,
    interval: u64,
    /// The first expiration whose count can still be taken back: the one to come when somebody last asked.
    settled: u64,
}

/// The expiration that is not there. A counted one is an interval after the last at most, so that it stays below.
const NONE: u64 = u64::MAX;

impl Schedule {
    /// Expires at `next` for the first time, if at all, and then after each `interval`, if that is not zero.
    pub(crate) fn new(next: Option<u64>, interval: u64) -> Schedule {
        let next = next.map_or(NONE, |next| next.min(NEVER));
        Schedule { next, interval: interval.min(NEVER), settled: next }
    }

    /// The first expiration not yet counted; from [`NEVER`] on it does not come.
    #[inline]
    pub(crate) fn next(&self) -> Option<u64> {
        (self.next != NONE).then_some(self.next)
    }

    /// The same, as if none were counted that are later than `now` and can be taken back.
    pub(crate) fn next_after(&self, now: u64) -> Option<u64> {
        self.next().map(|next| next - self.ahead(now) * self.interval)
    }

    #[inline]
    pub(crate) fn interval(&self) -> u64 {
        self.interval
    }

    /// Whether there are expirations up to `now` that were not counted before.
    #[inline]
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.next <= now.min(NONE - 1)
    }

    /// Counts the expirations up to `now` that were not counted before.
    #[inline]
    pub(crate) fn count(&mut self, now: u64) -> u64 {
        if !self.is_due(now) {
            return 0;
        }
        if self.interval == 0 {
            self.next = NONE;
            return 1;
        }
        let count = (now - self.next) / self.interval + 1;
        // At most an interval after now: twice what a time can be.
        self.next += count * self.interval;
        count
    }

    /// Whether expirations were counted that are yet to come, as after a step of the clock back behind them.
    #[inline]
    pub(crate) fn is_ahead(&self, now: u64) -> bool {
        self.ahead(now) > 0
    }

    /// How many of the expirations counted, and not settled, are later than `now`.
    #[inline]
    fn ahead(&self, now: u64) -> u64 {
        if self.interval == 0 || self.next == NONE {
            return 0;
        }
        let first_kept = now.saturating_add(1).max(self.settled);
        self.next.saturating_sub(first_kept) / self.interval
    }

    /// Takes back the count of those of the last `unread` expirations that are yet to come; how many. What was read is settled,
    /// so that notices of steps among the unread are never taken for expirations.
    ///
    /// A timer set once stays expired: so does Linux's.
    #[inline]
    pub(crate) fn uncount(&mut self, unread: u64, now: u64) -> u64 {
        let taken_back = self.ahead(now).min(unread);
        self.next -= taken_back * self.interval;
        taken_back
    }

    /// What is counted stays so, wherever the clock is stepped.
    #[inline]
    pub(crate) fn settle(&mut self) {
        self.settled = self.next;
    }

    /// Whether anything was counted since.
    pub(crate) fn is_settled(&self) -> bool {
        self.next == self.settled
    }

    /// The time left until the next expiration; none if there is none to come.
    #[inline]
    pub(crate) fn remaining(&self, now: u64) -> Option<u64> {
        let mut ahead = *self;
        ahead.count(now);
        // A time that is reached is counted, so what is left is at least 1: not the zero that means disarmed.
        ahead.next().map(|next| next.min(NEVER).saturating_sub(now))
    }
}

impl Default for Schedule {
    /// Never expires.
    fn default() -> Schedule {
        Schedule::new(None, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiration_is_counted_once_and_not_before_its_time() {
        let mut once = Schedule::new(Some(10), 0);
        assert_eq!([once.count(9), once.count(10), once.count(11)], [0, 1, 0]);
        assert_eq!(once.remaining(11), None);
    }

    #[test]
    fn a_late_look_counts_every_period_and_keeps_the_phase() {
        let mut periodic = Schedule::new(Some(100), 30);
        assert_eq!(periodic.count(175), 3);
        assert_eq!(periodic.next(), Some(190));
        assert_eq!(periodic.count(190), 1);
        assert_eq!(periodic.remaining(191), Some(29));
    }

    #[test]
    fn what_is_left_of_an_uncounted_periodic_leads_to_the_period_after_now() {
        let periodic = Schedule::new(Some(100), 30);
        assert_eq!(periodic.remaining(130), Some(30));
        assert_eq!(periodic.remaining(131), Some(29));
        assert_eq!(periodic.next(), Some(100), "asking counts nothing");
    }

    #[test]
    fn a_thousand_seconds_ago_every_second_gives_a_thousand_and_one() {
        let second = 1_000_000_000;
        let mut past = Schedule::new(Some(7 * second), second);
        assert_eq!(past.count(1007 * second), 1001);
    }

    #[test]
    fn a_clock_that_steps_back_takes_no_count_back() {
        let mut periodic = Schedule::new(Some(100), 10);
        assert_eq!(periodic.count(150), 6);
        assert_eq!(periodic.count(50), 0);
        assert_eq!(periodic.count(160), 1);
    }

    #[test]
    fn what_nobody_has_read_is_taken_back_when_the_clock_is_stepped_back_behind_it() {
        let counted = |unread: u64| {
            let mut periodic = Schedule::new(Some(100), 10);
            periodic.count(100 + 10 * (unread - 1));
            periodic
        };
        assert_eq!(counted(6).uncount(6, 150), 0, "all have come");
        for (now, yet_to_come) in [(149, 1), (140, 1), (139, 2), (100, 5), (99, 6), (0, 6)] {
            let mut periodic = counted(6);
            assert_eq!(periodic.is_ahead(now), yet_to_come > 0);
            assert_eq!(periodic.uncount(6, now), yet_to_come, "at {now}");
            assert_eq!(periodic.count(159), yet_to_come, "they come again");
        }
        assert_eq!(counted(6).uncount(2, 0), 2, "the rest was read");
        let mut settled = counted(6);
        settled.settle();
        settled.count(170);
        assert_eq!(settled.uncount(8, 0), 2);
        let mut once = Schedule::new(Some(100), 0);
        once.count(100);
        assert_eq!(once.uncount(1, 0), 0);
    }

    #[test]
    fn extremes_saturate_at_never() {
        let mut far = Schedule::new(Some(u64::MAX), u64::MAX);
        assert_eq!(far.next(), Some(NEVER));
        assert_eq!(far.count(NEVER - 1), 0);
        let mut fast = Schedule::new(Some(0), 1);
        assert_eq!(fast.count(NEVER - 1), NEVER);
        assert_eq!(fast.next(), Some(NEVER));
        let mut slow = Schedule::new(Some(NEVER - 1), NEVER);
        assert_eq!(slow.count(NEVER - 1), 1);
        assert_eq!((slow.count(NEVER), slow.remaining(NEVER - 1)), (0, Some(1)));
        assert_eq!((slow.uncount(1, 5), slow.next()), (1, Some(NEVER - 1)));
        assert_eq!(nanos(Duration::MAX), NEVER);
        assert_eq!(nanos(Duration::new(9_223_372_035, 999_999_999)), 9_223_372_035_999_999_999);
        assert_eq!(nanos(Duration::new(9_223_372_036, 0)), NEVER);
    }
}
