//! Pollable timers on every Unix: a timer is a file descriptor, like Linux's timerfd.
//!
//! A [`TimerFd`] is readable once it has expired, and a read returns the number of expirations. So
//! one `select`, `poll`, `epoll` or `kqueue` loop serves sockets and timers alike.
//!
//! On Linux and Android, timers are the kernel's own, and `set`, `get` and `read` are one system
//! call each. On every other Unix, this crate provides the same semantics with a pipe for
//! each timer and one thread for all timers. [`Timer`] documents the behaviour on both backends.
//!
//! # One loop for sockets and timers
//!
//! [`Registered`] registers a timer, or anything else that has a descriptor, in a [`polling`] loop,
//! and deregisters it before it is closed. You need no `unsafe` code to use it.
//!
//! ```
//! use polling::{Event, Events, PollMode, Poller};
//! use portable_timerfd::{Clock, Registered, TimerFd};
//! use std::{sync::Arc, time::Duration};
//!
//! let poller = Arc::new(Poller::new()?);
//! let timer = TimerFd::new(Clock::Monotonic)?;
//! timer.arm_every(Duration::from_millis(5))?;
//! let timer = Registered::new(&poller, timer, Event::readable(7), PollMode::Oneshot)?;
//!
//! let mut events = Events::new();
//! poller.wait(&mut events, None)?;
//! assert_eq!(events.iter().next().map(|event| event.key), Some(7));
//! assert!(timer.read()? >= 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`loops`] has adapters for other loops: mio, tokio, async-io and calloop. Each has a feature of
//! the same name.
//!
//! # Accuracy
//!
//! A timer is never early. The latency of an expiration depends on the machine. On the userspace
//! backend it also depends on the CPU time that the program allows: [`Accuracy`] has three
//! modes, which can be chosen for a timer or for the process.
//!
//! # When not to use it
//!
//! If your program owns its event loop, that loop's own timeouts or timers are cheaper than a
//! descriptor for each timer. A pollable timer is for code that does *not* own the loop, such as
//! libraries, plugins, foreign interfaces and `add_reader` callbacks, and for clocks that the loop
//! lacks.
//!
//! # Tests that do not sleep
//!
//! The timers of a [`SimulatedClock`] are real descriptors, but their time advances only when a
//! test says so. [`backends::simulated`] shows how to test code that is driven by timers: hours
//! pass in a millisecond.
//!
//! # Limits of the emulation
//!
//! So far this crate has been run on Linux only. `docs/platforms.md` in the source describes what
//! is known about other systems. [`Backend::capabilities`] returns the capabilities of a backend on
//! the current system.
//!
//! `docs/parity.md` in the source lists every promise, and where a pipe cannot do what the kernel
//! does. The largest limit: a timer of the userspace backend belongs to the process that created
//! it. A forked child cannot set it, and it ends when that process ends or executes another
//! program.
//!
//! # A descriptor for any reader
//!
//! ```
//! use portable_timerfd::{Clock, TimerFd};
//! use std::{fs::File, io::Read, os::fd::AsFd, time::Duration};
//!
//! let timer = TimerFd::builder(Clock::Monotonic).nonblocking(false).open()?;
//! timer.arm_after(Duration::from_millis(5))?;
//! let mut count = [0; 8];
//! File::from(timer.as_fd().try_clone_to_owned()?).read_exact(&mut count)?; // a raw read(2)
//! assert_eq!(u64::from_ne_bytes(count), 1);
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub, rust_2018_idioms)]
#![warn(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[path = "../backends/mod.rs"]
pub mod backends;

mod accuracy;
mod backend;
#[cfg(feature = "bindings")]
#[doc(hidden)]
pub mod bindings;
mod capabilities;
mod clock;
mod clock_time;
pub mod compat;
mod errors;
mod flags;
mod inherent;
mod itimerspec;
pub mod loops;
mod pollable;
mod process_backend;
mod spec;
mod timer;
mod timer_fd;

pub use accuracy::Accuracy;
pub use backend::Backend;
pub use backends::simulated::{SimulatedClock, SimulatedTimer};
pub use backends::sys::registered::Registered;
pub use capabilities::Capabilities;
pub use clock::Clock;
pub use clock_time::ClockTime;
pub use errors::{is_clock_change, ClockMismatch};
pub use flags::CreateFlags;
pub use itimerspec::{Itimerspec, SettimeFlags, Timespec};
pub use pollable::Pollable;
pub use spec::{Initial, TimerSpec};
pub use timer::Timer;
pub use timer_fd::{TimerFd, TimerFdBuilder};

/// The version of `polling` that [`Registered`] uses.
#[doc(no_inline)]
pub use polling;

/// Compiles and runs the programs in README.md and docs/platforms.md.
///
/// One of them needs the `tokio` feature.
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/platforms.md")]
#[cfg(all(doctest, feature = "tokio"))]
mod readme {}
