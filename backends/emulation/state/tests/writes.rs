//! Writes to the pipe: which of them happen under the lock of the state, and when a refused one is
//! repeated.

use super::super::*;
use crate::backends::sys::fd;
use crate::backends::sys::fork_table::reserve;
use crate::flags::CreateFlags;
use std::os::fd::AsFd;

/// A timer that is due at 5 ns.
fn due_at_5_ns(latch: Latch) -> State {
    let mut state = State::new(Clock::Monotonic, Punctuality::Economical, latch);
    state.set(&TimerSpec::at(Duration::from_nanos(5)), Clock::Monotonic, 0);
    state
}

#[test]
fn a_call_does_not_postpone_a_refused_count() {
    let (latch, reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = due_at_5_ns(latch);
    // A pipe without a reader refuses every message.
    drop(reader);
    state.refresh(5);
    let (line, retry) = state.due().unwrap();
    assert!(retry > 6, "the pipe refused the count");
    for now in [6, 5 + (retry - 5) / 2, retry - 1] {
        state.settle(now).unwrap();
        assert_eq!(state.due(), Some((line, retry)), "after a call at {now} ns");
    }
    state.refresh(retry);
    assert!(state.due().unwrap().1 > retry, "the pipe refused the count again");
}

#[test]
fn the_write_to_an_fd_only_timer_happens_under_its_lock() {
    let pipe = reserve().unwrap();
    let (latch, reader) = Latch::given_away(CreateFlags::default(), pipe).unwrap();
    let mut state = due_at_5_ns(latch);
    assert!(state.refresh_by_post(5).is_none() && !state.is_on_its_way());
    assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
    drop((state, reader));
    pipe.release();
}

#[test]
fn the_write_to_an_owned_timer_is_left_to_the_caller() {
    let (latch, reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = due_at_5_ns(latch);
    let message = state.refresh_by_post(5).unwrap();
    assert!(state.is_on_its_way());
    assert!(fd::read_count(reader.as_fd()).is_err(), "the pipe is still empty");
    message.deliver().unwrap();
    assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
}
