//! Timers in other people's loops: mio, tokio, async-io, calloop. Each stands behind the feature of its name, and takes timers of any
//! backend.
//!
//! | loop | feature | what there is |
//! |---|---|---|
//! | `polling` | | [`Registered`](crate::Registered) |
//! | `mio` 1 | `mio` | a timer is an `event::Source` |
//! | `tokio` 1 | `tokio` | `loops::tokio::Expirations`: `wait().await`, and a `Stream` of counts |
//! | `async-io` 2, `smol` | `async-io` | `loops::async_io::Expirations`: the same |
//! | `calloop` 0.14 | `calloop` | `loops::calloop::Expirations`: an `EventSource` whose event is the count |
//!
//! A loop that takes a descriptor and says when it can be read needs none of this: hand it the timer (`AsFd`, `AsRawFd`), and
//! [`read`](crate::Timer::read) when it says so. So do `nix` and `rustix` (`poll`, `select`, `epoll`, `kqueue`), GLib's `unix_fd_add`,
//! Qt's `QSocketNotifier`, libuv's `uv_poll_t`, libevent, `AsyncFd` of tokio and `Async` of async-io, and mio's `SourceFd`.
//!
//! A timer that is dropped while one of the loops in the table has it leaves that in order; in other loops it is as with any descriptor. Each of
//! these puts the timer into non-blocking mode. A forked child that shares its parent's loop, as `epoll`'s is shared, takes the timer out of the parent's
//! loop when it drops it. [`MissedTicks`] is for those in which expirations are awaited.

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

use std::sync::Arc;

use crate::timer::Timer;

/// What a loop takes: a timer, or a box or an `Arc` of a timer of any kind.
///
/// Every [`Timer`] is one, so nobody has to implement it.
pub trait AsTimer {
    /// The timer.
    fn as_timer(&self) -> &dyn Timer;
}

impl<T: Timer> AsTimer for T {
    fn as_timer(&self) -> &dyn Timer {
        self
    }
}

impl AsTimer for Box<dyn Timer> {
    fn as_timer(&self) -> &dyn Timer {
        &**self
    }
}

impl AsTimer for Arc<dyn Timer> {
    fn as_timer(&self) -> &dyn Timer {
        &**self
    }
}
