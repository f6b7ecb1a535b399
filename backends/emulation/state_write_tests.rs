//! Writes to the pipe: which of them run while the state is locked, and when a refused write is
//! retried.

use super::*;
use crate::backends::sys::fd;
use crate::backends::sys::fork_table::reserve;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use std::os::fd::AsFd;

/// A timer that is due at 5 ns.
fn due_at_5_ns(pipe: TimerPipe) -> TimerState {
    let mut state = TimerState::new(Clock::Monotonic, Accuracy::Economical, pipe);
    let due = ClockTime::new(Clock::Monotonic, Duration::from_nanos(5));
    state.arm(&TimerSpec::at(due), Clock::Monotonic, 0);
    state
}

#[test]
fn a_call_does_not_postpone_a_refused_count() {
    let (pipe, reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = due_at_5_ns(pipe);
    // A pipe without a reader refuses every message.
    drop(reader);
    state.refresh(5);
    let (_, retry) = state.due().unwrap();
    assert!(retry > 6, "the pipe refused the count");
    for now in [6, 5 + (retry - 5) / 2, retry - 1] {
        state.commit_until(now).unwrap();
        assert_eq!(state.due().unwrap().1, retry, "after a call at {now} ns");
    }
    state.refresh(retry);
    assert!(state.due().unwrap().1 > retry, "the pipe refused the count again");
}

#[test]
fn a_refused_count_is_retried_within_the_budget_in_the_end() {
    let (pipe, reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = due_at_5_ns(pipe);
    drop(reader);
    let urgencies: Vec<_> = (0..6)
        .map(|_| {
            let (queue, due) = state.due().unwrap();
            state.refresh(due);
            queue.urgency
        })
        .collect();
    assert_eq!(urgencies[1..4], [Urgency::Economical; 3]);
    assert_eq!(urgencies[4..], [Urgency::Unread; 2]);
}

#[test]
fn the_write_to_an_fd_only_timer_runs_under_its_lock() {
    let entry = reserve().unwrap();
    let (pipe, reader) = TimerPipe::fd_only(CreateFlags::default(), entry).unwrap();
    let mut state = due_at_5_ns(pipe);
    assert!(state.begin_refresh(5).is_none() && !state.is_in_flight());
    assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
    drop((state, reader));
    entry.release();
}

#[test]
fn the_write_to_an_owned_timer_is_left_to_the_caller() {
    let (pipe, reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = due_at_5_ns(pipe);
    let write = state.begin_refresh(5).unwrap();
    assert!(state.is_in_flight());
    assert!(fd::read_count(reader.as_fd()).is_err(), "the pipe is still empty");
    write.run().unwrap();
    assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
}

/// Clocks that stand still.
struct Fixed(u64);

impl Clocks for Fixed {
    fn now(&self, _: Clock) -> u64 {
        self.0
    }

    fn changes(&self) -> u64 {
        0
    }
}

/// A timer whose first periods were before the zero of its clock.
#[test]
fn past_expirations_are_part_of_the_next_count() {
    let (pipe, reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = due_at_5_ns(pipe);
    let at = |nanos| TimerSpec::at(ClockTime::new(Clock::Monotonic, Duration::from_nanos(nanos)));
    let clocks = Fixed(25);
    let unread = || fd::read_count(reader.as_fd()).ok().flatten();
    let periodic = at(10).every(Duration::from_nanos(10));
    state.settime_with_past(&clocks, Clock::Monotonic, &periodic, 7).unwrap();
    assert_eq!(unread(), Some(7 + 2));
    let (setting, _) = state.gettime(&clocks).unwrap();
    assert_eq!(setting.initial(), Initial::After(Duration::from_nanos(5)), "the phase is kept");
    state.settime_with_past(&clocks, Clock::Monotonic, &at(1000).every(Duration::from_nanos(10)), 1).unwrap();
    assert_eq!(unread(), Some(1), "also before the first period of the setting");
    state.settime_with_past(&clocks, Clock::Monotonic, &periodic, 7).unwrap();
    state.settime(&clocks, Clock::Monotonic, &at(1000)).unwrap();
    assert_eq!(unread(), None, "the next setting discards them");
}
