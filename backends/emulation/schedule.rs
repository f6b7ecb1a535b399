//! The arithmetic of one timer: when it expires next, and how many times it has expired; and the
//! key of the queue in which it waits for that. Time is an argument.

use std::time::Duration;

use crate::accuracy::Accuracy;
use crate::clock::Clock;

/// The time that is never reached: 2⁶³−1 nanoseconds, at which the kernel's times saturate
/// (`KTIME_MAX`).
pub(crate) const NEVER: u64 = i64::MAX as u64;

/// Converts to nanoseconds. All durations from the second of [`NEVER`] on are [`NEVER`] (Linux,
/// `ktime_set`).
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
    /// The first expiration that is not counted. [`NONE`] if there is none to come.
    next: u64,
    interval: u64,
    /// The value of `next` at the last commit. The expirations that were counted since can be
    /// rolled back.
    committed: u64,
}

/// No expiration. After a count, `next` is at most one interval after the last expiration, which is
/// less.
const NONE: u64 = u64::MAX;

impl Schedule {
    /// Expires first at `next`, if that is given, and then after each `interval`, if that is not
    /// zero.
    pub(crate) fn new(next: Option<u64>, interval: u64) -> Schedule {
        let next = next.map_or(NONE, |next| next.min(NEVER));
        Schedule { next, interval: interval.min(NEVER), committed: next }
    }

    /// The first expiration that is not counted. It is never reached if it is [`NEVER`] or later.
    #[inline]
    pub(crate) fn next(&self) -> Option<u64> {
        (self.next != NONE).then_some(self.next)
    }

    /// The same after a roll-back at `now`.
    pub(crate) fn next_after_roll_back(&self, now: u64) -> Option<u64> {
        self.next().map(|next| next - self.ahead(now) * self.interval)
    }

    #[inline]
    pub(crate) fn interval(&self) -> u64 {
        self.interval
    }

    /// Whether there are expirations up to `now` that are not counted.
    #[inline]
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.next <= now.min(NONE - 1)
    }

    /// Counts the expirations up to `now` that are not counted.
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
        // At most one interval after now, so that it does not overflow.
        self.next += count * self.interval;
        count
    }

    /// Whether expirations later than `now` are counted and not committed, as after the clock was
    /// set back.
    #[inline]
    pub(crate) fn is_ahead(&self, now: u64) -> bool {
        self.ahead(now) > 0
    }

    /// The number of these expirations.
    #[inline]
    fn ahead(&self, now: u64) -> u64 {
        if self.interval == 0 || self.next == NONE {
            return 0;
        }
        let first_kept = now.saturating_add(1).max(self.committed);
        self.next.saturating_sub(first_kept) / self.interval
    }

    /// Rolls back those of the last `unread` expirations that are later than `now`, and returns
    /// their number. Read expirations are committed, so a signalled clock change among the unread
    /// ones is never mistaken for an expiration.
    ///
    /// A timer that expires once stays expired, as on Linux.
    #[inline]
    pub(crate) fn roll_back(&mut self, unread: u64, now: u64) -> u64 {
        let rolled_back = self.ahead(now).min(unread);
        self.next -= rolled_back * self.interval;
        rolled_back
    }

    /// Commits the counted expirations: no change of the clock rolls them back.
    #[inline]
    pub(crate) fn commit(&mut self) {
        self.committed = self.next;
    }

    /// Whether no expiration was counted since the last commit.
    pub(crate) fn is_committed(&self) -> bool {
        self.next == self.committed
    }

    /// The remaining time until the next expiration, if there is one.
    #[inline]
    pub(crate) fn remaining(&self, now: u64) -> Option<u64> {
        let mut counted = *self;
        counted.count(now);
        // At least 1, since an expiration at `now` is counted: zero means disarmed.
        counted.next().map(|next| next.min(NEVER).saturating_sub(now))
    }
}

impl Default for Schedule {
    /// Never expires.
    fn default() -> Schedule {
        Schedule::new(None, 0)
    }
}

/// The clocks that have queues.
pub(crate) const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Realtime, Clock::Boottime];

/// How soon the timer thread processes a timer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// The count has stayed unread for long. It is refreshed within a budget of CPU time.
    Unread,
    Economical,
    Adaptive,
    Precise,
}

impl Urgency {
    /// All urgencies, from the least to the greatest.
    pub(crate) const ALL: [Urgency; 4] = [Urgency::Unread, Urgency::Economical, Urgency::Adaptive, Urgency::Precise];
}

impl From<Accuracy> for Urgency {
    fn from(accuracy: Accuracy) -> Urgency {
        match accuracy {
            Accuracy::Economical => Urgency::Economical,
            Accuracy::Adaptive => Urgency::Adaptive,
            Accuracy::Precise => Urgency::Precise,
        }
    }
}

/// The timers of one clock that are equally urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueKey {
    pub(crate) clock: Clock,
    pub(crate) urgency: Urgency,
}

impl QueueKey {
    /// Whether a timer of the other queue is served as well in this one.
    pub(crate) fn serves(self, other: QueueKey) -> bool {
        self.clock == other.clock && self.urgency >= other.urgency
    }

    /// The indices of the clock in [`CLOCKS`] and of the urgency in [`Urgency::ALL`].
    pub(crate) fn indices(self) -> (usize, usize) {
        let clock = match self.clock {
            Clock::Realtime | Clock::RealtimeAlarm => 1,
            Clock::Boottime | Clock::BoottimeAlarm => 2,
            _ => 0,
        };
        (clock, self.urgency as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_indices_of_its_own() {
        for (clock_index, clock) in CLOCKS.into_iter().enumerate() {
            for (urgency_index, urgency) in Urgency::ALL.into_iter().enumerate() {
                assert_eq!(QueueKey { clock, urgency }.indices(), (clock_index, urgency_index));
            }
        }
    }

    #[test]
    fn a_queue_serves_timers_of_its_clock_that_are_not_more_urgent() {
        let key = |clock, urgency| QueueKey { clock, urgency };
        let adaptive = key(Clock::Realtime, Urgency::Adaptive);
        let served = Urgency::ALL.map(|urgency| adaptive.serves(key(Clock::Realtime, urgency)));
        assert_eq!(served, [true, true, true, false]);
        for urgency in Urgency::ALL {
            assert!(!adaptive.serves(key(Clock::Monotonic, urgency)));
        }
    }

    #[test]
    fn urgencies_have_the_order_of_the_modes() {
        assert!(Accuracy::ALL.iter().map(|&mode| Urgency::from(mode)).eq(Urgency::ALL.into_iter().skip(1)));
    }

    #[test]
    fn an_expiration_is_counted_once_and_not_before_its_time() {
        let mut once = Schedule::new(Some(10), 0);
        assert_eq!([once.count(9), once.count(10), once.count(11)], [0, 1, 0]);
        assert_eq!(once.remaining(11), None);
    }

    #[test]
    fn a_late_count_counts_every_period_and_keeps_the_phase() {
        let mut periodic = Schedule::new(Some(100), 30);
        assert_eq!(periodic.count(175), 3);
        assert_eq!(periodic.next(), Some(190));
        assert_eq!(periodic.count(190), 1);
        assert_eq!(periodic.remaining(191), Some(29));
    }

    #[test]
    fn the_remaining_time_of_a_periodic_timer_ends_at_the_first_period_after_now() {
        let periodic = Schedule::new(Some(100), 30);
        assert_eq!(periodic.remaining(130), Some(30));
        assert_eq!(periodic.remaining(131), Some(29));
        assert_eq!(periodic.next(), Some(100), "`remaining` counts nothing");
    }

    #[test]
    fn a_thousand_seconds_ago_every_second_gives_a_thousand_and_one() {
        let second = 1_000_000_000;
        let mut past = Schedule::new(Some(7 * second), second);
        assert_eq!(past.count(1007 * second), 1001);
    }

    #[test]
    fn count_rolls_nothing_back_when_the_clock_is_set_back() {
        let mut periodic = Schedule::new(Some(100), 10);
        assert_eq!(periodic.count(150), 6);
        assert_eq!(periodic.count(50), 0);
        assert_eq!(periodic.count(160), 1);
    }

    #[test]
    fn unread_expirations_are_rolled_back_when_the_clock_is_set_back_behind_them() {
        let counted = |unread: u64| {
            let mut periodic = Schedule::new(Some(100), 10);
            periodic.count(100 + 10 * (unread - 1));
            periodic
        };
        assert_eq!(counted(6).roll_back(6, 150), 0, "all are past");
        for (now, future) in [(149, 1), (140, 1), (139, 2), (100, 5), (99, 6), (0, 6)] {
            let mut periodic = counted(6);
            assert_eq!(periodic.is_ahead(now), future > 0);
            assert_eq!(periodic.roll_back(6, now), future, "at {now}");
            assert_eq!(periodic.count(159), future, "they expire again");
        }
        assert_eq!(counted(6).roll_back(2, 0), 2, "the rest was read");
        let mut committed = counted(6);
        committed.commit();
        committed.count(170);
        assert_eq!(committed.roll_back(8, 0), 2);
        let mut once = Schedule::new(Some(100), 0);
        once.count(100);
        assert_eq!(once.roll_back(1, 0), 0);
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
        assert_eq!((slow.roll_back(1, 5), slow.next()), (1, Some(NEVER - 1)));
        assert_eq!(nanos(Duration::MAX), NEVER);
        assert_eq!(nanos(Duration::new(9_223_372_035, 999_999_999)), 9_223_372_035_999_999_999);
        assert_eq!(nanos(Duration::new(9_223_372_036, 0)), NEVER);
    }
}
