//! Timers in the event loops of other crates: polling, mio, tokio, async-io and calloop.
//!
//! | loop | feature | for a timer of any kind | for a [`TimerSet`](crate::TimerSet) | for your own type with a [`Pollable`](crate::Pollable) handle |
//! |---|---|---|---|---|
//! | `polling` 3 | `polling` | [`Registered`](crate::Registered) | [`polling::PollingSource`] | the same |
//! | `mio` 1 | `mio` | `event::Source`, implemented for the timers | `event::Source` | mio's `SourceFd` |
//! | `tokio` 1 | `tokio` | [`tokio::TokioTimer`]: `wait().await`, and a `Stream` of counts | [`tokio::TokioSource`]: `next_expired().await`, and a `Stream` of entries | [`tokio::TokioSource`]: `readable().await` |
//! | `async-io` 2, `smol` | `async-io` | [`async_io::AsyncIoTimer`]: the same | [`async_io::AsyncIoSource`]: the same | [`async_io::AsyncIoSource`]: the same |
//! | `calloop` 0.14 | `calloop-0-14` | [`calloop_0_14::CalloopTimer`]: an event source whose event is the count | [`calloop_0_14::CalloopSource`]: an event source that calls back with the set | [`calloop_0_14::CalloopSource`]: an event source without a value |
//!
//! If a loop accepts any descriptor and reports when it is readable, you need no adapter. Pass the
//! timer to the loop (`AsFd`, `AsRawFd`), and [`read`](crate::Timer::read) it when the loop reports
//! it. Examples are `nix` and `rustix` (`poll`, `select`, `epoll`, `kqueue`), GLib's `unix_fd_add`,
//! Qt's `QSocketNotifier`, libuv's `uv_poll_t`, libevent, tokio's `AsyncFd`, async-io's `Async` and
//! mio's `SourceFd`.
//!
//! You can drop a timer while it is registered with a loop of this table. You need not deregister
//! the timer first. There is one exception, in mio: a set whose timer is shared. In other loops,
//! the rules for any descriptor apply. A forked child shares an `epoll` instance with its parent.
//! If the child drops the timer, the timer is also removed from the parent's loop.
//!
//! A loop can report a timer that has no unread expiration, if another thread has read or set the
//! timer meanwhile. On some systems, one-shot polling reports such a timer even if the program
//! itself has read, disarmed or postponed the timer before the wait: on FreeBSD, NetBSD, OpenBSD,
//! illumos and Solaris. [`read`](crate::Timer::read) then fails with
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock). Ignore this error. In blocking mode, `read`
//! would wait, so call [`try_read`](crate::Timer::try_read) instead. The adapters for timers in
//! `tokio`, `async-io` and `calloop` ignore such an event. `docs/pollers.md` in the source compares
//! the pollers.
//!
//! The adapters for timers in mio, tokio, async-io and calloop set the timer's descriptor to
//! non-blocking mode. [`MissedTicks`] is the policy for missed expirations in `tokio` and
//! `async-io`.

mod missed_ticks;
#[cfg(any(feature = "async-io", feature = "calloop-0-14", feature = "polling", feature = "tokio"))]
mod owned_source;
#[cfg(any(feature = "async-io", feature = "calloop-0-14", feature = "tokio"))]
mod source;

#[cfg(feature = "async-io")]
pub mod async_io;
#[cfg(feature = "calloop-0-14")]
pub mod calloop_0_14;
#[cfg(feature = "mio")]
pub mod mio;
#[cfg(feature = "polling")]
pub mod polling;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use missed_ticks::MissedTicks;
