//! Pollable timers on every Unix: a timer is a file descriptor, like Linux's timerfd.
//!
//! ```
//! use portable_timerfd::{Clock, TimerFd};
//! use std::time::Duration;
//!
//! fn main() -> std::io::Result<()> {
//!     let timer = TimerFd::new(Clock::Monotonic)?;
//!     timer.arm_every(Duration::from_millis(5))?;
//!     for _ in 0..3 {
//!         println!("expired {} times", timer.wait(None)?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A [`TimerFd`] is readable once it has expired, and a read returns the number of expirations. So
//! one `select`, `poll`, `epoll` or `kqueue` loop serves sockets and timers alike.
//!
//! On Linux and Android, timers are the kernel's own (the *kernel backend*): `set`, `get` and
//! `read` are one system call each. On every other Unix, this crate provides the same semantics
//! with a pipe for each timer and one thread for all timers (the *userspace backend*). [`Timer`]
//! documents the behaviour on both backends.
//!
//! # Features
//!
//! | feature | default | provides |
//! |---|---|---|
//! | `polling` | yes | [`Registered`], which keeps timers and sockets in a loop of the [`polling`] crate. Re-exports that crate as `portable_timerfd::polling` |
//! | `mio` | | timers in mio 1: [`loops::mio`] |
//! | `tokio` | | expirations to await in tokio 1: [`loops::tokio`] |
//! | `async-io` | | expirations to await with async-io 2 and smol: [`loops::async_io`] |
//! | `calloop-0-14` | | timers as event sources of calloop 0.14: [`loops::calloop_0_14`] |
//! | `libc` | | for code that is ported from C or uses `libc`: conversions of [`TimerSpec`] to and from `libc::itimerspec`, and of [`Clock`] to and from `clockid_t` |
//!
//! Without the default features, the crate's direct and indirect dependencies are `cfg-if`,
//! `crossbeam-channel`, `crossbeam-utils` and `libc`. The feature `__bindings` is for this
//! project's bindings for C and Python. It can change in every release.
//!
//! # One loop for sockets and timers
//!
//! [`Registered`] registers a timer, or anything else that has a descriptor, in a [`polling`] loop.
//! It deregisters the descriptor before it closes it. You need no `unsafe` code to use it.
//!
//! ```
//! use portable_timerfd::polling::{Event, Events, PollMode, Poller};
//! use portable_timerfd::{Clock, Registered, TimerFd};
//! use std::net::{TcpListener, TcpStream};
//! use std::{sync::Arc, time::Duration};
//!
//! const LISTENER: usize = 0;
//! const TIMER: usize = 1;
//!
//! fn main() -> std::io::Result<()> {
//!     let poller = Arc::new(Poller::new()?);
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let client = TcpStream::connect(listener.local_addr()?)?;
//!     let listener = Registered::new(&poller, listener, Event::readable(LISTENER), PollMode::Oneshot)?;
//!     let timer = TimerFd::new(Clock::Monotonic)?;
//!     timer.arm_every(Duration::from_millis(5))?;
//!     let timer = Registered::new(&poller, timer, Event::readable(TIMER), PollMode::Oneshot)?;
//!
//!     let (mut clients, mut expirations) = (vec![client], 0);
//!     let mut events = Events::new();
//!     while clients.len() < 2 || expirations < 3 {
//!         events.clear();
//!         poller.wait(&mut events, None)?;
//!         for event in events.iter() {
//!             if event.key == TIMER {
//!                 expirations += timer.read()?;
//!                 // A one-shot registration reports one event. Every platform supports this mode.
//!                 timer.modify(Event::readable(TIMER), PollMode::Oneshot)?;
//!             } else {
//!                 clients.push(listener.accept()?.0);
//!                 listener.modify(Event::readable(LISTENER), PollMode::Oneshot)?;
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`loops`] has adapters for other loops (mio, tokio, async-io and calloop), and for a type of
//! your own in any of them.
//!
//! # Many timeouts behind one descriptor
//!
//! A library often has a timeout for each connection or request, but can give the program's event
//! loop only one descriptor. A [`TimerSet`] holds any number of deadlines behind the descriptor of
//! one timer. Postponing or removing one makes no system call.
//!
//! ```
//! use portable_timerfd::{Clock, TimerSet};
//! use std::time::Duration;
//!
//! fn main() -> std::io::Result<()> {
//!     let mut timeouts = TimerSet::new(Clock::Monotonic)?;
//!     let idle = timeouts.insert_after(Duration::from_millis(5), "an idle client")?;
//!     let busy = timeouts.insert_after(Duration::from_millis(5), "a busy client")?;
//!     timeouts.rearm_after(busy, Duration::from_secs(60))?; // the client has sent something
//!
//!     timeouts.wait_readable(None)?; // an event loop would poll the set's descriptor
//!     while let Some(expired) = timeouts.next_expired()? {
//!         assert_eq!((expired.key, expired.value), (idle, Some("an idle client")));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `docs/guide.md` in the source shows a library with several kinds of timeouts, and
//! `docs/limits.md` what timers cost.
//!
//! # An alarm at a time of day
//!
//! An absolute time of the wall clock follows clock changes. If the clock is set forward past the
//! time, the timer expires: at once on the kernel backend, within 250 ms and the latency of a
//! wake-up on the userspace backend. An alarm that shows its time to a user should also learn of
//! the change itself: [`cancel_on_set`](TimerSpec::cancel_on_set) makes the timer readable, and
//! `read` reports the change with an error that [`is_clock_change`] recognizes.
//!
//! ```
//! use portable_timerfd::{is_clock_change, Clock, ClockTime, TimerFd, TimerSpec};
//! use std::io;
//! use std::time::{Duration, SystemTime};
//!
//! fn set(alarm: &TimerFd, time: ClockTime) -> io::Result<()> {
//!     match alarm.set(&TimerSpec::at(time).cancel_on_set()) {
//!         // The clock was changed before this call. The alarm is set nevertheless.
//!         Err(e) if is_clock_change(&e) => Ok(()),
//!         result => result,
//!     }
//! }
//!
//! fn main() -> io::Result<()> {
//!     let alarm = TimerFd::new(Clock::Realtime)?;
//!     let time = ClockTime::from(SystemTime::now() + Duration::from_millis(5));
//!     set(&alarm, time)?;
//!     loop {
//!         match alarm.wait(None) {
//!             Err(e) if is_clock_change(&e) => {
//!                 println!("the clock was changed: it is {:?} now", SystemTime::now());
//!                 set(&alarm, time)?;
//!             }
//!             result => return result.map(drop), // the time has come
//!         }
//!     }
//! }
//! ```
//!
//! # A timeout that counts the time in suspend
//!
//! `Monotonic` stops while the system is suspended. `Boottime` continues. On systems without
//! `Boottime`, use an absolute time of the wall clock. Such a timer also counts the time in
//! suspend, but clock changes move its expiration.
//!
//! ```
//! use portable_timerfd::{Clock, TimerFd};
//! use std::io;
//! use std::time::Duration;
//!
//! /// Creates a timer that expires after `delay`, whether the system sleeps or not.
//! fn timeout(delay: Duration) -> io::Result<TimerFd> {
//!     let timer = TimerFd::new(Clock::Boottime).or_else(|_| TimerFd::new(Clock::Realtime))?;
//!     timer.arm_at(timer.now(timer.clock())? + delay)?;
//!     Ok(timer)
//! }
//!
//! fn main() -> io::Result<()> {
//!     assert_eq!(timeout(Duration::from_millis(5))?.wait(None)?, 1);
//!     Ok(())
//! }
//! ```
//!
//! A timer that expires during a suspend becomes readable when the system runs again: at once on
//! the kernel backend, within 250 ms and the latency of a wake-up on the userspace backend. Only
//! [`BoottimeAlarm`](Clock::BoottimeAlarm) and [`RealtimeAlarm`](Clock::RealtimeAlarm) wake the
//! system. [`Capabilities`] lists what each clock can do on the current system.
//!
//! # Accuracy
//!
//! A timer is never early. The latency of an expiration depends on the machine. On the userspace
//! backend, it also depends on the CPU time that the timer thread may spend. [`Accuracy`] has three
//! modes. A program chooses one for a timer or for the process.
//!
//! # When not to use it
//!
//! If your program owns its event loop, that loop's own timeouts or timers are cheaper than a
//! descriptor for each timer. A pollable timer is for code that does *not* own the loop, such as
//! libraries, plugins, bindings for other languages and Python's `add_reader` callbacks, and for
//! clocks that the loop lacks.
//!
//! # Tests that do not sleep
//!
//! The timers of a [`SimulatedClock`] are real descriptors, but their time advances only when a
//! test says so. [`backends::simulated`] shows how to test code that is driven by timers. In such
//! tests, hours pass in a millisecond.
//!
//! # Limits of the emulation
//!
//! The tests of this crate run on Linux at every change. On FreeBSD, NetBSD and OpenBSD, those of
//! an earlier commit were run once, by hand. `docs/platforms.md` in the source has the results, and
//! describes what is known about other systems. [`Backend::capabilities`] returns the capabilities
//! of a backend on the current system.
//!
//! `docs/parity.md` in the source lists every promise, and where a pipe cannot do what the kernel
//! does. The most important limit is this: a timer of the userspace backend belongs to the process
//! that created it. A forked child cannot set the timer. The timer ends when its process ends or
//! executes another program.
//!
//! # A descriptor for any reader
//!
//! A raw `read(2)` of eight bytes returns the count, on every backend and from any language:
//!
//! ```
//! use portable_timerfd::{Clock, TimerFd};
//! use std::{fs::File, io::Read, os::fd::AsFd, time::Duration};
//!
//! fn main() -> std::io::Result<()> {
//!     let timer = TimerFd::builder(Clock::Monotonic).nonblocking(false).open()?;
//!     timer.arm_after(Duration::from_millis(5))?;
//!     let mut count = [0; 8];
//!     File::from(timer.as_fd().try_clone_to_owned()?).read_exact(&mut count)?;
//!     assert_eq!(u64::from_ne_bytes(count), 1);
//!     Ok(())
//! }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub, rust_2018_idioms)]
#![warn(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
// Without `__bindings`, nothing uses the userspace backend's timers for the bindings.
#![cfg_attr(not(feature = "__bindings"), allow(dead_code, unreachable_pub))]

use cfg_if::cfg_if;

cfg_if! {
    if #[cfg(unix)] {
        #[path = "../backends/mod.rs"]
        pub mod backends;

        mod accuracy;
        mod backend;
        #[cfg(feature = "__bindings")]
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
        pub mod timer_set;

        pub use accuracy::Accuracy;
        pub use backend::Backend;
        pub use backends::simulated::{SimulatedClock, SimulatedTimer};
        #[cfg(feature = "polling")]
        pub use backends::sys::registered::{IntoInnerError, Registered};
        pub use capabilities::Capabilities;
        pub use clock::Clock;
        pub use clock_time::ClockTime;
        pub use errors::{is_clock_change, ClockMismatch};
        pub use flags::CreateFlags;
        pub use pollable::Pollable;
        pub use spec::{Initial, TimerSpec};
        pub use timer::Timer;
        pub use timer_fd::{TimerFd, TimerFdBuilder};
        pub use timer_set::TimerSet;

        /// The version of `polling` that [`Registered`] uses.
        #[cfg(feature = "polling")]
        #[doc(no_inline)]
        pub use polling;
    } else {
        compile_error!("portable-timerfd is for Unix: elsewhere there are no file descriptors to poll");
    }
}

/// Compiles and runs the programs in README.md, docs/guide.md and docs/platforms.md.
///
/// Some of them need the `tokio` feature.
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/guide.md")]
#[doc = include_str!("../docs/platforms.md")]
#[cfg(all(doctest, feature = "tokio"))]
mod readme {}
