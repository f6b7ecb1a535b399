//! Timers in mio: the timers of this crate implement `event::Source`.
//!
//! ```
//! use mio::{Events, Interest, Poll, Token};
//! use portable_timerfd::{Clock, TimerFd};
//! use std::time::Duration;
//!
//! let mut poll = Poll::new()?;
//! let mut timer = TimerFd::new(Clock::Monotonic)?;
//! poll.registry().register(&mut timer, Token(7), Interest::READABLE)?;
//! timer.arm_every(Duration::from_millis(5))?;
//! let mut events = Events::with_capacity(16);
//! poll.poll(&mut events, None)?;
//! assert_eq!(events.iter().next().map(|event| event.token()), Some(Token(7)));
//! assert!(timer.read()? >= 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! mio is edge-triggered: it reports a timer once when the timer expires, and not again while the
//! timer stays readable. So read the timer at each event. One read returns all expirations, so you
//! need not read until `WouldBlock`.
//!
//! [`TimerFd`], the backends' own types and [`dyn Timer`](Timer) are sources. So a `Box<dyn Timer>`
//! is a source too. For a timer type of your own, use mio's `SourceFd`.
//!
//! A [`TimerSet`] is a source. At each event, call [`next_expired`](TimerSet::next_expired) until
//! it returns `None`. If the timer of the set is a reference or an `Arc`, deregister the set before
//! you drop the set, because the timer outlives the set.
//!
//! Registering a timer sets its descriptor to non-blocking mode, in which it must stay. A timer can
//! be dropped while it is registered. If the current batch of events already contains an event of
//! the timer, that event is still delivered.
//!
//! # Platforms
//!
//! If mio is built on `poll(2)` (Haiku, Hurd) or event ports (Solaris), a registration reports one
//! event only. Call `reregister` after each read, to get the next event.
//!
//! If a timer is registered twice with one `Poll`, `register` returns
//! [`AlreadyExists`](io::ErrorKind::AlreadyExists) where mio is built on epoll or `poll(2)`. On
//! kqueue (macOS, iOS, the BSDs) and event ports it is not an error: the second token and interest
//! replace the first ones.

use std::io;
use std::os::fd::AsRawFd;

use ::mio::event::Source;
use ::mio::unix::SourceFd;
use ::mio::{Interest, Registry, Token};

use crate::backends::kernel::KernelTimer;
use crate::backends::simulated::SimulatedTimer;
use crate::backends::sys::fd::set_nonblocking;
use crate::backends::userspace::UserspaceTimer;
use crate::pollable::Pollable;
use crate::timer::Timer;
use crate::timer_fd::TimerFd;
use crate::timer_set::TimerSet;

macro_rules! sources {
    ($([$($parameters:tt)*] $timer:ty),*) => { $(
        impl<$($parameters)*> Source for $timer {
            fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
                set_nonblocking(&self.as_pollable(), true)?;
                SourceFd(&self.as_pollable().as_raw_fd()).register(registry, token, interests)
            }

            fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
                SourceFd(&self.as_pollable().as_raw_fd()).reregister(registry, token, interests)
            }

            fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
                SourceFd(&self.as_pollable().as_raw_fd()).deregister(registry)
            }
        }
    )* };
}

sources!([] TimerFd, [] KernelTimer, [] UserspaceTimer, [] SimulatedTimer, [] dyn Timer, [T, M: Timer] TimerSet<T, M>);
