//! Timers for tests: real descriptors, on a clock that moves when the test says so.
//!
//! Code that is driven by timers is slow to test, and its tests fail on a busy machine, as long as they wait for real time. Here
//! nothing waits: the test arms, [advances](SimulatedClock::advance) the clock, by an hour if it likes, and looks at what came of it.
//! Steps of the wall clock and suspends, which no test can make on a real machine, are calls too.
//!
//! There is no thread, no global state, and no real clock. What is promised of a [`Timer`](crate::Timer) holds, by the simulated clock, and more
//! exactly than on any other emulation: a plain `read(2)` too gives the count as of now, though it can't fail to tell of a step, nor give less after
//! a step back than was counted before. It runs under Miri, which has pipes, but neither
//! [`TimerFd::new`](crate::TimerFd::new) nor a [`Poller`](polling::Poller).
//!
//! # A component tested
//!
//! A component takes its timer, or a function that makes it timers, from whoever uses it. In the program that is
//! [`TimerFd::new`](crate::TimerFd::new), in a test [`SimulatedClock::timer`]. What time it is, it asks its timer
//! ([`Timer::now`](crate::Timer::now)), since [`Clock::now`] tells real time. This one tries something again and again, each time
//! after twice as long, and gives up after an hour. It is told when its timer is readable, by a loop that it does not own:
//!
//! ```
//! use portable_timerfd::{Clock, SimulatedClock, Timer, TimerFd};
//! use std::{io, time::Duration};
//!
//! struct Retry<T: Timer> {
//!     timer: T,
//!     delay: Duration,
//!     end: Duration,
//! }
//!
//! impl<T: Timer> Retry<T> {
//!     fn new(new_timer: impl FnOnce(Clock) -> io::Result<T>) -> io::Result<Retry<T>> {
//!         let timer = new_timer(Clock::Monotonic)?;
//!         let end = timer.now(Clock::Monotonic)? + Duration::from_secs(3600);
//!         timer.arm_after(Duration::ZERO)?;
//!         Ok(Retry { timer, delay: Duration::from_millis(100), end })
//!     }
//!
//!     /// Called when the timer is readable.
//!     fn on_readable(&mut self, attempt: &mut dyn FnMut() -> bool) -> io::Result<()> {
//!         self.timer.read()?;
//!         let left = self.end - self.timer.now(Clock::Monotonic)?;
//!         if !attempt() && !left.is_zero() {
//!             self.timer.arm_after(self.delay.min(left))?;
//!             self.delay *= 2;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! // In the program:
//! let retry = Retry::new(TimerFd::new)?;
//!
//! // In its test, an hour in less than a millisecond:
//! let clock = SimulatedClock::new();
//! let mut retry = Retry::new(|of| clock.timer(of))?;
//! let (begun, mut attempts) = (clock.now(Clock::Monotonic), Vec::new());
//! while clock.has_unread() || clock.advance_to_next().is_some() {
//!     let at = clock.now(Clock::Monotonic) - begun;
//!     retry.on_readable(&mut || { attempts.push(at.as_millis()); false })?;
//! }
//! assert_eq!(attempts[..6], [0, 100, 300, 700, 1_500, 3_100]);
//! assert_eq!((attempts.len(), attempts.last()), (17, Some(&3_600_000)));
//! # Ok::<(), io::Error>(())
//! ```
//!
//! # In a loop
//!
//! The descriptor is one like any other. A poller that is asked after the clock was moved finds it readable at once, so that the test
//! polls with no time to wait:
//!
//! ```
//! use polling::{Event, Events, PollMode, Poller};
//! use portable_timerfd::{Clock, Registered, SimulatedClock, Timer, TimerSpec, ECANCELED};
//! use std::{sync::Arc, time::Duration};
//!
//! let clock = SimulatedClock::new();
//! let (poller, mut events) = (Arc::new(Poller::new()?), Events::new());
//! let timer = clock.timer(Clock::Realtime)?;
//! let timer = Registered::new(&poller, timer, Event::readable(7), PollMode::Oneshot)?;
//! let noon = clock.now(Clock::Realtime) + Duration::from_secs(3600);
//! timer.settime(&TimerSpec::at(noon).cancel_on_set())?;
//!
//! clock.set_realtime(noon - Duration::from_secs(10)); // somebody sets the wall clock
//! poller.wait(&mut events, Some(Duration::ZERO))?;
//! assert_eq!(events.iter().next().map(|event| event.key), Some(7));
//! assert_eq!(timer.read().unwrap_err().raw_os_error(), Some(ECANCELED));
//! assert_eq!(clock.advance_to_next(), Some(Duration::from_secs(10)));
//! assert_eq!(timer.read()?, 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Code that waits
//!
//! [`wait`](crate::Timer::wait), a blocking read, or a loop that waits in a thread of its own, waits until another thread moves the clock. A
//! test lets such code run beside it, and moves the clock whenever all its threads [wait](SimulatedClock::waiting). So nothing is left
//! to chance, and everything is the same in every run:
//!
//! ```
//! use portable_timerfd::{Clock, SimulatedClock, Timer};
//! use std::{thread, time::Duration};
//!
//! fn ten_times(timer: &impl Timer) -> std::io::Result<u64> {
//!     timer.arm_every(Duration::from_secs(6))?;
//!     (0..10).map(|_| timer.wait(None)).sum()
//! }
//!
//! let clock = SimulatedClock::new();
//! let timer = clock.timer(Clock::Monotonic)?;
//! let worker = thread::spawn(move || ten_times(&timer));
//! while !worker.is_finished() {
//!     if clock.waiting() == 1 {
//!         clock.advance_to_next().expect("it waits for something that is to come");
//!     }
//!     thread::yield_now();
//! }
//! assert_eq!(worker.join().unwrap()?, 10);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A thread that waits in a poller can't be seen to wait. Have it tell the test when it has done a turn, or make the turns in the test,
//! by polls with no time to wait, as above.

mod clock;
mod machine;
mod timer;
mod times;

use std::io;
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::sys::error::{os_error, EOPNOTSUPP};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
pub use clock::SimulatedClock;
pub use timer::SimulatedTimer;

/// What a [`TimerFd`](crate::TimerFd) made of a [`SimulatedTimer`] names as its backend.
///
/// It stands in no table, and its [`open`](Backend::open) says [`Unsupported`](io::ErrorKind::Unsupported): to open a timer takes
/// [a clock](SimulatedClock::open).
pub const BACKEND: Backend = Backend::new("simulated", |_, _| Err(os_error(EOPNOTSUPP)), capabilities);

fn capabilities(clock: Clock) -> io::Result<Capabilities> {
    Ok(Capabilities {
        counts_suspend: Some(clock != Clock::Monotonic),
        wakes_the_machine: clock.is_alarm(),
        cancel_on_set: clock.without_alarm() == Clock::Realtime,
        notices_jumps_within: Some(Duration::ZERO),
        outlives_its_process: false,
    })
}
