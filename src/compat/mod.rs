//! The faces of other crates, so that programs written for them need another `use` line and no more.

pub mod timerfd;
