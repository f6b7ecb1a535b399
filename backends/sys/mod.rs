//! Safe wrappers of the C library. Only this module contains `unsafe` code, and only its submodule
//! `system` depends on the platform.
#![allow(unsafe_code)]

#[cfg(feature = "libc")]
mod c_numbers;
pub(crate) mod clock;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod fd;
pub(crate) mod fork;
pub(crate) mod fork_table;
pub(crate) mod nowait;
pub(crate) mod open_files;
mod pinned_object;
pub(crate) mod pipe;
pub(crate) mod read_end;
#[cfg(feature = "polling")]
pub(crate) mod registered;
pub(crate) mod set_once;
pub(crate) mod short_lived;
mod standard_streams;
pub(crate) mod sync;
mod system;
pub(crate) mod thread;
pub(crate) mod thread_options;
mod wiped_page;

/// The timerfd calls of this platform.
pub(crate) const TIMERFD: system::Timerfd = system::SYSTEM.timerfd;
