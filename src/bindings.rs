//! What only this project's bindings for C and Python need, and its tests. It can change in every
//! release.

pub use crate::backends::sys::clock::{c_monotonic_offset, max_slew_ppm};
pub use crate::backends::sys::environment::is_set_user_id;
pub use crate::backends::userspace::fd_only::RawTimer;
pub use crate::itimerspec::{Itimerspec, SettimeFlags, Timespec};
