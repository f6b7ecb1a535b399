//! The emulation as it is, and below it the model's system in the place of the real one.

#[path = "../../../backends/emulation/mod.rs"]
pub(crate) mod emulation;
pub(crate) mod sys;
#[path = "../../../backends/userspace/mod.rs"]
pub(crate) mod userspace;
