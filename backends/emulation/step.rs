//! Steps of the wall clock: finding them, and who has been told. The clocks' offset is an argument.

/// How far, in nanoseconds, the wall clock's offset may seem to differ before it is called a step, beside the error that its
/// readings may have. The two clocks can't be read at the same instant, so a smaller step can't be told from that.
const TOLERANCE: u64 = 50_000;

/// Counts the steps of the wall clock, seen as jumps of its offset from the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepDetector {
    /// The offset, and by how much it may be wrong.
    known: Option<(i64, u64)>,
    steps: u64,
}

impl StepDetector {
    /// The number of steps so far, this look included: the offset, and by how much it may be wrong.
    pub(crate) fn look(&mut self, (offset, error): (i64, u64)) -> u64 {
        let (known, known_error) = *self.known.get_or_insert((offset, error));
        let doubt = error.saturating_add(known_error).saturating_add(TOLERANCE);
        let is_step = known.abs_diff(offset) > doubt;
        if is_step {
            self.steps += 1;
        }
        // A disturbed reading must not hide a step from the next one.
        if is_step || error <= known_error.max(TOLERANCE) {
            self.known = Some((offset, error));
        }
        self.steps
    }
}

/// What one timer that asked for notice of steps has made known, as numbers of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepWatch {
    /// Told of by an error.
    told: u64,
    /// Shown by making the descriptor readable.
    shown: u64,
}

impl StepWatch {
    /// Watches for steps after this number.
    pub(crate) const fn new(steps: u64) -> StepWatch {
        StepWatch { told: steps, shown: steps }
    }

    /// Whether there was a step that has not been shown; now it has.
    pub(crate) fn show(&mut self, steps: u64) -> bool {
        std::mem::replace(&mut self.shown, steps) != steps
    }

    /// Whether there was a step that has not been told of; now it has.
    pub(crate) fn tell(&mut self, steps: u64) -> bool {
        std::mem::replace(&mut self.told, steps) != steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_offset_is_a_step_and_noise_is_none() {
        let mut detector = StepDetector::default();
        let offsets = [7_000_000_000, 7_000_040_000, 7_000_000_000, 9_000_000_000, 9_000_000_000, -5];
        assert_eq!(offsets.map(|offset| detector.look((offset, 100))), [0, 0, 0, 1, 1, 2]);
    }

    #[test]
    fn a_disturbed_reading_is_no_step_and_hides_none() {
        let mut detector = StepDetector::default();
        let (disturbed, stepped) = ((4_000_000, 5_000_000), (4_000_000, 100));
        let looks = [disturbed, (0, 100), disturbed, (0, 100), disturbed, stepped];
        assert_eq!(looks.map(|look| detector.look(look)), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_step_is_shown_and_told_once_however_many_there_were() {
        let mut watch = StepWatch::new(4);
        assert!(!watch.show(4) && !watch.tell(4), "steps of before are nobody's business");
        assert!(watch.show(6) && watch.tell(6));
        assert!(!watch.show(6) && !watch.tell(6));
    }
}
