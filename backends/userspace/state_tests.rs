//! How the rests of a count that nobody reads grow.

use super::*;
use crate::flags::CreateFlags;

/// Expires each nanosecond, and is looked at whenever it is due.
#[test]
fn a_count_that_nobody_reads_rests_for_100_us_at_first_and_10_ms_at_last() {
    let (latch, _reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = State::new(Clock::Monotonic, Punctuality::Precise, latch);
    state.set(&TimerSpec::at(Duration::from_nanos(5)).every(Duration::from_nanos(1)), Clock::Monotonic, 0);
    let due = |state: &State, punctuality| {
        let (line, due) = state.due().unwrap();
        assert_eq!(line, Line { clock: Clock::Monotonic, punctuality });
        due
    };
    let mut now = due(&state, Punctuality::Precise);
    assert_eq!(now, 5);
    let mut rest = || {
        state.refresh(now);
        let due = due(&state, Punctuality::Economical);
        due - std::mem::replace(&mut now, due)
    };
    let rests: Vec<u64> = (0..9).map(|_| rest() / 1000).collect();
    assert_eq!(rests, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    assert_eq!(state.take_all(0, now).unwrap(), now - 4, "the next is due at once");
    assert_eq!(due(&state, Punctuality::Precise), now + 1);
}
