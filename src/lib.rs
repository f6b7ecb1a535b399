//! Pollable timers on every Unix: a timer that is a file descriptor, as Linux's timerfd is.
//!
//! A [`TimerFd`] is readable when it has expired, and a read gives the number of expirations. So one `select`, `poll`,
//! `epoll` or `kqueue` loop serves sockets and timers alike. Linux and Android have such timers in the kernel, and
//! there this crate costs no more than the system call; on every other Unix it gives the same semantics by a pipe for
//! each timer and one thread for all of them. [`Timer`] says what holds on both.
//!
//! # One loop for sockets and timers
//!
//! [`Registered`] puts a timer, or anything that has a descriptor, into a [`polling`] loop, and takes it out again
//! before it is closed. Nothing of it is `unsafe` to call.
//!
//! ```
//! use polling::{Event, Events, PollMode, Poller};
//! use portable_timerfd::{Clock, Registered, Timer, TimerFd};
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
//! [`loops`] has what other loops take: mio, tokio, async-io, calloop, each by a feature of its name.
//!
//! # How punctual
//!
//! A timer is never early. How late it is lies with the machine, and on the userspace backend with what may be spent on it:
//! [`Punctuality`] has three modes, for a timer or for the process.
//!
//! # When not to use it
//!
//! If your program owns its event loop, that loop's own timeout or timer is cheaper than a descriptor for each timer.
//! A pollable timer is for code that does *not* own the loop (libraries, plugins, foreign interfaces, `add_reader`),
//! and for clocks that the loop lacks.
//!
//! # Tests that do not sleep
//!
//! A timer of a [`SimulatedClock`] is a descriptor as real as any, in a time that moves only when a test says so:
//! [`backends::simulated`] shows how code that is driven by timers is tested, by hours in a millisecond.
//!
//! # Limits of the emulation
//!
//! So far this crate has been run on Linux only; of other systems `docs/platforms.md` tells what is known, and
//! [`Backend::capabilities`] what a backend does here. `docs/parity.md` in the source lists, promise by promise, where a pipe can't do what
//! the kernel does. The largest: a
//! timer of the userspace backend belongs to the process that made it and does not outlive it, across `fork` or
//! `exec`.
//!
//! # A descriptor for anything that reads
//!
//! ```
//! use portable_timerfd::{Clock, Timer, TimerFd};
//! use std::{fs::File, io::Read, os::fd::AsFd, time::Duration};
//!
//! let timer = TimerFd::builder(Clock::Monotonic).nonblocking(false).open()?;
//! timer.arm_after(Duration::from_millis(5))?;
//! let mut count = [0; 8];
//! File::from(timer.as_fd().try_clone_to_owned()?).read_exact(&mut count)?; // a plain read(2)
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

mod backend;
mod capabilities;
mod clock;
pub mod compat;
mod flags;
mod itimerspec;
pub mod loops;
mod punctuality;
mod spec;
mod timer;
mod timer_fd;

pub use backend::Backend;
pub use backends::simulated::{SimulatedClock, SimulatedTimer};
pub use backends::sys::registered::Registered;
pub use capabilities::Capabilities;
pub use clock::Clock;
pub use flags::CreateFlags;
pub use itimerspec::{Itimerspec, SettimeFlags, Timespec};
pub use punctuality::Punctuality;
pub use spec::{Initial, TimerSpec};
pub use timer::Timer;
pub use timer_fd::{TimerFd, TimerFdBuilder};

/// The error number by which `read` and `settime` tell of a step of the wall clock, see
/// [`cancel_on_set`](TimerSpec::cancel_on_set). std has no [`ErrorKind`](std::io::ErrorKind) for it.
pub const ECANCELED: i32 = backends::sys::error::ECANCELED;

/// The crate that [`Registered`] registers with, in the version it takes.
#[doc(no_inline)]
pub use polling;

/// Compiles and runs the programs of README.md and docs/platforms.md. One of them is for a loop.
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/platforms.md")]
#[cfg(all(doctest, feature = "tokio"))]
mod readme {}
