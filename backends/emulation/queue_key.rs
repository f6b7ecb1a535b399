//! Which of the timer queues a timer is in: there is one for each clock and urgency.

use crate::clock::Clock;
use crate::punctuality::Punctuality;

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

impl From<Punctuality> for Urgency {
    fn from(punctuality: Punctuality) -> Urgency {
        match punctuality {
            Punctuality::Economical => Urgency::Economical,
            Punctuality::Adaptive => Urgency::Adaptive,
            Punctuality::Precise => Urgency::Precise,
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
        let clock = match self.clock.without_alarm() {
            Clock::Realtime => 1,
            Clock::Boottime => 2,
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
        assert!(Punctuality::ALL.map(Urgency::from).iter().eq(&Urgency::ALL[1..]));
    }
}
