//! The back-off of unread counts, and the epochs of messages for several readers.

use super::*;
use crate::backends::sys::fd;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use std::os::fd::AsFd;

/// A time of the monotonic clock.
const fn monotonic(nanos: u64) -> ClockTime {
    ClockTime::new(Clock::Monotonic, Duration::from_nanos(nanos))
}

/// The timer expires each nanosecond, and is processed whenever it is due.
#[test]
fn the_back_off_of_an_unread_count_is_100_us_at_first_and_800_us_at_last() {
    let (pipe, _reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = TimerState::new(Clock::Monotonic, Accuracy::Precise, pipe);
    state.arm(&TimerSpec::at(monotonic(5)).every(Duration::from_nanos(1)), Clock::Monotonic, 0);
    let (queue, mut now) = state.due().unwrap();
    assert_eq!((queue.urgency, now), (Urgency::Precise, 5));
    let mut back_off = || {
        state.refresh(now);
        let (queue, due) = state.due().unwrap();
        (queue.urgency, (due - std::mem::replace(&mut now, due)) / 1000)
    };
    let pauses: Vec<_> = (0..6).map(|_| back_off()).collect();
    let (first, later) = (Urgency::Economical, Urgency::Unread);
    assert_eq!(pauses, [(first, 100), (first, 200), (first, 400), (first, 800), (later, 800), (later, 800)]);
    assert_eq!(state.take_until(now, 0).unwrap(), now - 4, "the next one is due at once");
    let (queue, due) = state.due().unwrap();
    assert_eq!((queue.urgency, due), (Urgency::Precise, now + 1));
}

#[test]
fn the_thread_spins_for_no_unread_timer_with_a_period_longer_than_any_back_off() {
    let (pipe, _reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = TimerState::new(Clock::Monotonic, Accuracy::Precise, pipe);
    state.arm(&TimerSpec::at(monotonic(50_000_000)).every(Duration::from_millis(50)), Clock::Monotonic, 0);
    let mut modes = Vec::new();
    for _ in 0..4 {
        let (queue, due) = state.due().unwrap();
        modes.push(queue.urgency);
        state.refresh(due);
    }
    // The reader of the first one may be about to come.
    assert_eq!(modes[..2], [Urgency::Precise; 2]);
    assert_eq!(modes[2..], [Urgency::Economical; 2]);
}

#[test]
fn a_second_blocked_reader_keeps_the_numbers_of_the_messages() {
    let (pipe, reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = TimerState::new(Clock::Monotonic, Accuracy::Economical, pipe);
    let first = state.block_reader();
    state.arm(&TimerSpec::at(monotonic(5)), Clock::Monotonic, 5);
    assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
    state.discard_unread(6).unwrap();
    let second = state.block_reader();
    state.arm(&TimerSpec::at(monotonic(7)), Clock::Monotonic, 7);
    assert_eq!((state.epoch(first), state.epoch(second)), (Epoch::Stale, Epoch::Current));
}
