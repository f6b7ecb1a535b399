//! Timers in the event loops of other crates: mio, tokio, async-io and calloop.
//!
//! Each adapter has a feature of the same name, and accepts timers of any backend.
//!
//! | loop | feature | provides |
//! |---|---|---|
//! | `polling` | | [`Registered`](crate::Registered) |
//! | `mio` 1 | `mio` | `event::Source` for timers |
//! | `tokio` 1 | `tokio` | `loops::tokio::Expirations`: `wait().await`, and a `Stream` of counts |
//! | `async-io` 2, `smol` | `async-io` | `loops::async_io::Expirations`: the same |
//! | `calloop` 0.14 | `calloop` | `loops::calloop::Expirations`: an `EventSource` whose event is the count |
//!
//! If a loop accepts any descriptor and reports when it is readable, you need no adapter. Pass the
//! timer to the loop (`AsFd`, `AsRawFd`), and [`read`](crate::Timer::read) it when the loop reports
//! it. Examples are `nix` and `rustix` (`poll`, `select`, `epoll`, `kqueue`), GLib's `unix_fd_add`,
//! Qt's `QSocketNotifier`, libuv's `uv_poll_t`, libevent, tokio's `AsyncFd`, async-io's `Async` and
//! mio's `SourceFd`.
//!
//! You can drop a timer while it is registered with a loop of this table; you need not deregister
//! it first. In other loops, the rules for any descriptor apply. If a forked child shares its
//! parent's loop, as it shares an `epoll` instance, dropping the timer in the child also removes
//! the timer from the parent's loop.
//!
//! The adapters for mio, tokio, async-io and calloop set the timer's descriptor to non-blocking
//! mode. [`MissedTicks`] is the policy for missed expirations in `tokio` and `async-io`.

mod missed_ticks;
#[cfg(any(feature = "async-io", feature = "calloop", feature = "tokio"))]
mod source;

#[cfg(feature = "async-io")]
pub mod async_io;
#[cfg(feature = "calloop")]
pub mod calloop;
#[cfg(feature = "mio")]
pub mod mio;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use missed_ticks::MissedTicks;
#[cfg(any(feature = "async-io", feature = "calloop", feature = "tokio"))]
pub use source::Source;
