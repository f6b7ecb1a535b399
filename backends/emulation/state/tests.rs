//! How the rests of a count that nobody reads grow; whose message is whose, among several readers.

mod writes;

use super::*;
use crate::backends::emulation::latch::Origin;
use crate::backends::sys::fd;
use crate::flags::CreateFlags;
use std::os::fd::AsFd;

/// Expires each nanosecond, and is looked at whenever it is due.
#[test]
fn a_count_that_nobody_reads_rests_for_100_us_at_first_and_800_us_at_last() {
    let (latch, _reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = State::new(Clock::Monotonic, Punctuality::Precise, latch);
    state.set(&TimerSpec::at(Duration::from_nanos(5)).every(Duration::from_nanos(1)), Clock::Monotonic, 0);
    let (line, mut now) = state.due().unwrap();
    assert_eq!((line.urgency, now), (Urgency::Precise, 5));
    let mut rest = || {
        state.refresh(now);
        let (line, due) = state.due().unwrap();
        (line.urgency, (due - std::mem::replace(&mut now, due)) / 1000)
    };
    let rests: Vec<_> = (0..6).map(|_| rest()).collect();
    let (soon, late) = (Urgency::Economical, Urgency::Unread);
    assert_eq!(rests, [(soon, 100), (soon, 200), (soon, 400), (soon, 800), (late, 800), (late, 800)]);
    assert_eq!(state.take_all(0, now).unwrap(), now - 4, "the next is due at once");
    let (line, due) = state.due().unwrap();
    assert_eq!((line.urgency, due), (Urgency::Precise, now + 1));
}

#[test]
fn a_period_longer_than_any_rest_is_not_held_for_while_nobody_reads() {
    let (latch, _reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = State::new(Clock::Monotonic, Punctuality::Precise, latch);
    state.set(&TimerSpec::at(Duration::from_millis(50)).every(Duration::from_millis(50)), Clock::Monotonic, 0);
    let mut modes = Vec::new();
    for _ in 0..4 {
        let (line, due) = state.due().unwrap();
        modes.push(line.urgency);
        state.refresh(due);
    }
    // The first may have its reader about to come.
    assert_eq!(modes[..2], [Urgency::Precise; 2]);
    assert_eq!(modes[2..], [Urgency::Economical; 2]);
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
