//! The real emulation on the model of the system.

#[path = "../../../backends/emulation/mod.rs"]
pub(crate) mod emulation;
pub(crate) mod sys;
#[path = "../../../backends/userspace/mod.rs"]
pub(crate) mod userspace;
