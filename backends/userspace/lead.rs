//! How far ahead of a time the thread wakes up, to hold until it. What was measured is an argument.

use crate::backends::emulation::line::Urgency;

/// The most, in nanoseconds, that waking up is taken to need: beyond it the machine is busy, and holding would not help.
const LONGEST_WAKING: u64 = 200_000;

/// The lead of a precise timer at least.
const LEAST_PRECISE: u64 = 100_000;

/// Of each hundred nanoseconds, one may be held.
const HELD_ONE_IN: u64 = 100;

/// The most that can be saved up of what may be held.
const MOST_SAVED: u64 = 1_000_000;

/// Of nine wake-ups out of ten, how long they take at most; and a purse from which what the adaptive mode holds is paid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead {
    waking: u64,
    saved: u64,
    saved_at: u64,
}

impl Lead {
    /// With nothing measured and the purse full.
    pub(super) const fn new() -> Lead {
        Lead { waking: LEAST_PRECISE / 2, saved: MOST_SAVED, saved_at: 0 }
    }

    /// The lead of a timer that is this urgent, in nanoseconds. An adaptive one's is the shorter
    /// the emptier the purse, so that it comes to rest where as much is spent as is saved.
    #[inline]
    pub(super) fn of(&self, urgency: Urgency) -> u64 {
        match urgency {
            Urgency::Unread | Urgency::Economical => 0,
            Urgency::Adaptive => self.waking * self.saved / MOST_SAVED,
            Urgency::Precise => LEAST_PRECISE.max(2 * self.waking),
        }
    }

    /// Takes note of what a rest was like.
    pub(super) fn learn(&mut self, lesson: Lesson) {
        match lesson {
            Lesson::Nothing => {}
            Lesson::Overslept(late) => self.overslept(late),
            Lesson::Held(nanos) => self.saved = self.saved.saturating_sub(nanos),
        }
    }

    fn overslept(&mut self, late: u64) {
        // It settles where the steps up, nine times as high, are a ninth as many as those down.
        let step = self.waking / 128 + 10;
        self.waking = if late > self.waking { self.waking + 9 * step } else { self.waking.saturating_sub(step) };
        self.waking = self.waking.min(LONGEST_WAKING);
    }

    /// Saves until `now`.
    pub(super) fn save(&mut self, now: u64) {
        let saved = now.saturating_sub(self.saved_at) / HELD_ONE_IN;
        // What is less than one stays for the next time.
        self.saved_at = self.saved_at.saturating_add(saved * HELD_ONE_IN);
        self.saved = self.saved.saturating_add(saved).min(MOST_SAVED);
    }
}

/// What can be learnt from a rest, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    Nothing,
    /// It was a sleep, and so much longer than planned.
    Overslept(u64),
    /// For so long it was awake, on account of adaptive timers.
    Held(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Wake-ups that take 20 to 60 µs, one as often as another.
    fn wakings() -> impl Iterator<Item = u64> {
        (0..).map(|i: u64| 20_000 + i * 7_919 % 40_000)
    }

    /// Expirations a fixed time apart, each held for as far as the thread was up before it: the share of the time that was held.
    fn held(lead: &mut Lead, apart: u64, expirations: u64) -> f64 {
        let mut held = 0;
        for (number, waking) in (0..expirations).zip(wakings()) {
            lead.save(number * apart);
            let holds = lead.of(Urgency::Adaptive).saturating_sub(waking);
            lead.learn(Lesson::Overslept(waking));
            lead.learn(Lesson::Held(holds));
            held += holds;
        }
        held as f64 / (expirations * apart) as f64
    }

    #[test]
    fn the_lead_is_what_nine_wake_ups_of_ten_have_lately_taken() {
        let mut lead = Lead::new();
        wakings().take(5000).for_each(|waking| lead.learn(Lesson::Overslept(waking)));
        let learnt = lead.of(Urgency::Adaptive);
        assert!((53_000..59_000).contains(&learnt), "{learnt}");
        (0..5000).for_each(|_| lead.learn(Lesson::Overslept(5_000)));
        assert!(lead.of(Urgency::Adaptive) < 6_000, "it forgets");
        (0..5000).for_each(|_| lead.learn(Lesson::Overslept(SECOND)));
        assert_eq!(lead.of(Urgency::Adaptive), LONGEST_WAKING);
    }

    #[test]
    fn an_adaptive_timer_holds_for_a_hundredth_of_the_time_however_often_it_expires() {
        for apart in [50_000, 200_000, 1_000_000] {
            let mut lead = Lead::new();
            // What was saved before is spent at first.
            held(&mut lead, apart, SECOND / apart);
            let share = held(&mut lead, apart, 10 * SECOND / apart);
            assert!(share <= 0.0101, "{share} at {apart} ns");
        }
        let seldom = held(&mut Lead::new(), 100_000_000, 1000);
        assert!(seldom < 0.0005, "{seldom}");
    }

    #[test]
    fn no_other_mode_depends_on_the_purse() {
        let mut lead = Lead::new();
        lead.learn(Lesson::Held(SECOND));
        assert_eq!(lead.of(Urgency::Adaptive), 0);
        assert_eq!(lead.of(Urgency::Economical), 0);
        assert!(lead.of(Urgency::Precise) >= LEAST_PRECISE);
        lead.save(50 * SECOND);
        assert!(lead.of(Urgency::Adaptive) > 0, "what was spent is saved again");
    }
}
