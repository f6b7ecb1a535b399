//! Compatibility layers: the types and names of other crates.

pub mod timerfd;
