//! The state after a read that fails.

use super::*;
use crate::accuracy::Accuracy;
use crate::backends::emulation::pipe::TimerPipe;
use crate::backends::sys::fd;
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// A wall clock that shows this time.
struct Wall(Cell<u64>);

impl Clocks for Wall {
    fn now(&self, _: Clock) -> u64 {
        self.0.get()
    }

    fn changes(&self) -> u64 {
        0
    }
}

/// A timer, and the operation between the raw `read(2)` of a reader and its report.
struct Interleaved<F: Fn(&mut TimerState)> {
    state: RefCell<TimerState>,
    wall: Wall,
    between: F,
}

impl<F: Fn(&mut TimerState)> LockedState for Interleaved<F> {
    type Clocks = Wall;

    fn with<R>(&self, operation: impl FnOnce(&mut TimerState, &Wall) -> R) -> R {
        let mut state = self.state.borrow_mut();
        (self.between)(&mut state);
        operation(&mut state, &self.wall)
    }

    fn with_expirations<R>(&self, operation: impl FnOnce(&mut TimerState, &Wall) -> R) -> R {
        operation(&mut self.state.borrow_mut(), &self.wall)
    }
}

/// While the reader is blocked, another one consumes a message. The reader with the error cannot
/// have it, so the rest of the expirations are rolled back when the clock is set back.
#[test]
fn a_reader_with_an_error_is_not_mistaken_for_the_one_with_the_message() {
    let (pipe, reader) = TimerPipe::new(CreateFlags::default()).unwrap();
    let mut state = TimerState::new(Clock::Realtime, Accuracy::Economical, pipe);
    let first = ClockTime::new(Clock::Realtime, Duration::from_nanos(10));
    let spec = TimerSpec::at(first).every(Duration::from_nanos(10));
    state.arm(&spec, Clock::Realtime, 5);
    let between = |state: &mut TimerState| {
        state.refresh(10);
        assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
        state.refresh(20);
    };
    let timer = Interleaved { state: RefCell::new(state), wall: Wall(Cell::new(5)), between };
    assert_eq!(read(&timer, &reader).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(timer.state.borrow().blocked_readers(), 0);
    assert_eq!(timer.state.borrow_mut().take_until(5, 0).unwrap(), 0);
}
