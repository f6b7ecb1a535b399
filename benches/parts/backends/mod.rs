//! The system module, under the path by which the modules under test import it.

#[path = "../../../backends/sys/mod.rs"]
pub(crate) mod sys;
