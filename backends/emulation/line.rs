//! Which of the agenda's queues a thing stands in.

use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// The clocks that have queues.
pub(crate) const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Realtime, Clock::Boottime];

/// How soon the thread processes a timer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Its count has stayed unread for long, and is refreshed when there is CPU time to spare.
    Unread,
    Economical,
    Adaptive,
    Precise,
}

impl Urgency {
    /// Each urgency, from the least to the greatest.
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

/// What is due on one clock, and equally urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) clock: Clock,
    pub(crate) urgency: Urgency,
}

impl Line {
    /// Whether what stands here is as well served as in the other line.
    pub(crate) fn serves(self, other: Line) -> bool {
        self.clock == other.clock && self.urgency >= other.urgency
    }

    /// Among the clocks, and among the urgencies.
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
    fn each_line_has_a_queue_of_its_own() {
        for (place, clock) in CLOCKS.into_iter().enumerate() {
            for (number, urgency) in Urgency::ALL.into_iter().enumerate() {
                assert_eq!(Line { clock, urgency }.indices(), (place, number));
            }
        }
    }

    #[test]
    fn a_line_serves_those_of_its_clock_that_are_not_more_urgent() {
        let line = |clock, urgency| Line { clock, urgency };
        let adaptive = line(Clock::Realtime, Urgency::Adaptive);
        let served = Urgency::ALL.map(|urgency| adaptive.serves(line(Clock::Realtime, urgency)));
        assert_eq!(served, [true, true, true, false]);
        for urgency in Urgency::ALL {
            assert!(!adaptive.serves(line(Clock::Monotonic, urgency)));
        }
    }

    #[test]
    fn urgencies_have_the_order_of_the_modes() {
        assert!(Punctuality::ALL.map(Urgency::from).iter().eq(&Urgency::ALL[1..]));
    }
}
