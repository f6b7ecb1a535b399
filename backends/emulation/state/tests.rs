//! How the rests of a count that nobody reads grow; whose message is whose, among several readers.

mod writes;

use super::*;
use crate::backends::emulation::latch::Origin;
use crate::backends::sys::fd;
use crate::flags::CreateFlags;
use std::os::fd::AsFd;

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

#[test]
fn a_period_longer_than_any_rest_is_not_held_for_while_nobody_reads() {
    let (latch, _reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = State::new(Clock::Monotonic, Punctuality::Precise, latch);
    state.set(&TimerSpec::at(Duration::from_millis(50)).every(Duration::from_millis(50)), Clock::Monotonic, 0);
    let mut modes = Vec::new();
    for _ in 0..4 {
        let (line, due) = state.due().unwrap();
        modes.push(line.punctuality);
        state.refresh(due);
    }
    // The first may have its reader about to come.
    assert_eq!(modes[..2], [Punctuality::Precise; 2]);
    assert_eq!(modes[2..], [Punctuality::Economical; 2]);
}

#[test]
fn one_who_comes_while_another_is_at_the_pipe_leaves_the_numbers_as_they_are() {
    let (latch, reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = State::new(Clock::Monotonic, Punctuality::Economical, latch);
    let first = state.reader_comes();
    state.set(&TimerSpec::at(Duration::from_nanos(5)), Clock::Monotonic, 5);
    assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
    state.discard(6).unwrap();
    let second = state.reader_comes();
    state.set(&TimerSpec::at(Duration::from_nanos(7)), Clock::Monotonic, 7);
    assert_eq!((state.origin(first), state.origin(second)), (Origin::Void, Origin::Current));
}
