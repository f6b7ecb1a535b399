//! The parts of an emulated timer that `userspace` and `simulated` share. Time is always an
//! argument.

pub(crate) mod clock_change;
pub(crate) mod pipe;
#[cfg(all(test, feature = "proptest"))]
mod properties;
pub(crate) mod queue;
pub(crate) mod read;
pub(crate) mod schedule;
pub(crate) mod state;
