//! What the rooms under test stand on, by the path that they know it by: the system, as it is.

#[path = "../../../backends/sys/mod.rs"]
pub(crate) mod sys;
