//! What a read leaves behind that ends with an error.

use super::*;
use crate::backends::emulation::latch::Latch;
use crate::backends::sys::fd;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::punctuality::Punctuality;
use crate::spec::TimerSpec;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// A wall clock that shows this time.
struct Wall(Cell<u64>);

impl World for Wall {
    fn time(&self, _: Clock) -> u64 {
        self.0.get()
    }

    fn steps(&self) -> u64 {
        0
    }
}

/// A timer, and what happens between the reader's attempt at the pipe and its report.
struct Interleaved<F: Fn(&mut State)> {
    state: RefCell<State>,
    wall: Wall,
    between: F,
}

impl<F: Fn(&mut State)> Locked for Interleaved<F> {
    type World = Wall;

    fn with<R>(&self, act: impl FnOnce(&mut State, &Wall) -> R) -> R {
        let mut state = self.state.borrow_mut();
        (self.between)(&mut state);
        act(&mut state, &self.wall)
    }

    fn to_take<R>(&self, act: impl FnOnce(&mut State, &Wall) -> R) -> R {
        act(&mut self.state.borrow_mut(), &self.wall)
    }
}

/// While the reader is at the pipe, another one takes a message. The reader with the error cannot
/// have it, so a clock that is set back takes back the rest of what was counted.
#[test]
fn a_reader_that_got_an_error_is_not_taken_for_the_one_with_the_message() {
    let (latch, reader) = Latch::new(CreateFlags::default()).unwrap();
    let mut state = State::new(Clock::Realtime, Punctuality::Economical, latch);
    let spec = TimerSpec::at(Duration::from_nanos(10)).every(Duration::from_nanos(10));
    state.set(&spec, Clock::Realtime, 5);
    let between = |state: &mut State| {
        state.refresh(10);
        assert_eq!(fd::read_count(reader.as_fd()).unwrap(), Some(1));
        state.refresh(20);
    };
    let timer = Interleaved { state: RefCell::new(state), wall: Wall(Cell::new(5)), between };
    assert_eq!(read(&timer, &reader).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(timer.state.borrow().readers(), 0);
    assert_eq!(timer.state.borrow_mut().take_all(0, 5).unwrap(), 0);
}
