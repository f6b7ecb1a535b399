//! What a timer made of a pipe consists of, whoever turns its clock: time is an argument everywhere.

pub(crate) mod calls;
pub(crate) mod latch;
pub(crate) mod line;
#[cfg(test)]
mod properties;
pub(crate) mod queue;
pub(crate) mod reading;
pub(crate) mod schedule;
mod slab;
pub(crate) mod state;
pub(crate) mod step;
