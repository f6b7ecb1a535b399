//! A timer in mio's loop: an `event::Source`.
//!
//! ```
//! use mio::{Events, Interest, Poll, Token};
//! use portable_timerfd::{Clock, Timer, TimerFd};
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
//! mio tells of a timer when it expires, and not as long as it is readable: read it at each event. One read takes all there is, so there is
//! no need to read until `WouldBlock`. [`TimerFd`] and the backends' own types are sources, and [`dyn Timer`](Timer) is, so that a
//! `Box<dyn Timer>` is one too; a timer of your own is registered by mio's `SourceFd`.
//!
//! Registering puts it into non-blocking mode, in which it must stay. It can be dropped while it is registered. An event of it that is in the same batch comes all the same.
//!
//! # Platforms
//!
//! Where mio has nothing better than `poll(2)` or event ports (Haiku, Hurd; Solaris), an event ends the registration's interest:
//! `reregister` after each read.

use std::io;
use std::os::fd::AsRawFd;

use ::mio::event::Source;
use ::mio::unix::SourceFd;
use ::mio::{Interest, Registry, Token};

use crate::backends::kernel::KernelTimer;
use crate::backends::simulated::SimulatedTimer;
use crate::backends::sys::fd::set_nonblocking;
use crate::backends::userspace::UserspaceTimer;
use crate::timer::Timer;
use crate::timer_fd::TimerFd;

macro_rules! sources {
    ($($timer:ty),*) => { $(
        impl Source for $timer {
            fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
                set_nonblocking(self, true)?;
                SourceFd(&self.as_raw_fd()).register(registry, token, interests)
            }

            fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
                SourceFd(&self.as_raw_fd()).reregister(registry, token, interests)
            }

            fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
                SourceFd(&self.as_raw_fd()).deregister(registry)
            }
        }
    )* };
}

sources!(TimerFd, KernelTimer, UserspaceTimer, SimulatedTimer, dyn Timer);
