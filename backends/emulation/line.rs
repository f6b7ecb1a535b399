//! Which of the agenda's queues a thing stands in.

use crate::clock::Clock;
use crate::punctuality::Punctuality;

/// The clocks that have queues.
pub(crate) const CLOCKS: [Clock; 3] = [Clock::Monotonic, Clock::Realtime, Clock::Boottime];

/// What is due on one clock and to be as punctual as the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) clock: Clock,
    pub(crate) punctuality: Punctuality,
}

impl Line {
    /// Whether what stands here is as well served as in the other line.
    pub(crate) fn serves(self, other: Line) -> bool {
        self.clock == other.clock && self.punctuality >= other.punctuality
    }

    /// Among the clocks, and among the modes.
    pub(crate) fn indices(self) -> (usize, usize) {
        let clock = match self.clock.without_alarm() {
            Clock::Realtime => 1,
            Clock::Boottime => 2,
            _ => 0,
        };
        (clock, self.punctuality as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_a_queue_of_its_own() {
        for (place, clock) in CLOCKS.into_iter().enumerate() {
            for (mode, punctuality) in Punctuality::ALL.into_iter().enumerate() {
                assert_eq!(Line { clock, punctuality }.indices(), (place, mode));
            }
        }
    }
}
