//! Timers for tests: real descriptors on a clock that only the test advances.
//!
//! Tests that wait for real time are slow, and fail on a busy machine. With a simulated clock, no
//! thread waits: the test arms a timer, [advances](SimulatedClock::advance) the clock, perhaps by
//! an hour, and checks the result. The test can also set the simulated wall clock, and suspend the
//! simulated machine.
//!
//! The module uses no thread, no global state and no real clock. It keeps every promise of
//! [`Timer`](crate::Timer), measured on the simulated clock. A raw `read(2)` always returns the
//! current count, unlike on the userspace backend. There are two exceptions. If a clock change was
//! to be reported, a raw `read(2)` returns a count instead of `ECANCELED`. If the wall clock was
//! set back, a raw `read(2)` returns the count that was correct before.
//!
//! Simulated timers run under Miri. Miri supports pipes, but does not support
//! [`TimerFd::new`](crate::TimerFd::new) or a `Poller`.
//!
//! # Testing a component
//!
//! The component takes its timer, or a function that creates timers, as an argument. The program
//! passes [`TimerFd::new`](crate::TimerFd::new), and a test passes [`SimulatedClock::timer`]. The
//! component reads the time with [`Timer::now`](crate::Timer::now), because [`Clock::now`] returns
//! real time. The component in this example repeats an attempt, doubles the delay each time, and
//! gives up after an hour. When the timer is readable, an event loop outside the component calls
//! `on_readable`:
//!
//! ```
//! use portable_timerfd::{Clock, ClockTime, SimulatedClock, Timer, TimerFd};
//! use std::{io, time::Duration};
//!
//! struct Retry<T: Timer> {
//!     timer: T,
//!     delay: Duration,
//!     end: ClockTime,
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
//!         let left = self.end.saturating_duration_since(self.timer.now(Clock::Monotonic)?);
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
//! clock.set_latency(Duration::from_nanos(100)); // as on a real machine, no expiration is on time
//! let mut retry = Retry::new(|of| clock.timer(of))?;
//! let (begun, mut attempts) = (clock.now(Clock::Monotonic), Vec::new());
//! while clock.has_unread() || clock.advance_to_next().is_some() {
//!     let at = clock.now(Clock::Monotonic).saturating_duration_since(begun);
//!     retry.on_readable(&mut || { attempts.push(at.as_millis()); false })?;
//! }
//! assert_eq!(attempts[..6], [0, 100, 300, 700, 1_500, 3_100]);
//! assert_eq!((attempts.len(), attempts.last()), (17, Some(&3_600_000)));
//! # Ok::<(), io::Error>(())
//! ```
//!
//! # Testing with an event loop
//!
//! The timer has an ordinary file descriptor. After the test has advanced the clock, a poller
//! reports the descriptor immediately. So the test polls with a timeout of zero:
//!
//! ```
//! use portable_timerfd::polling::{Event, Events, PollMode, Poller};
//! use portable_timerfd::{is_clock_change, Clock, Registered, SimulatedClock, TimerSpec};
//! use std::{sync::Arc, time::Duration};
//!
//! let clock = SimulatedClock::new();
//! let (poller, mut events) = (Arc::new(Poller::new()?), Events::new());
//! let timer = clock.timer(Clock::Realtime)?;
//! let timer = Registered::new(&poller, timer, Event::readable(7), PollMode::Oneshot)?;
//! let noon = clock.now(Clock::Realtime) + Duration::from_secs(3600);
//! timer.set(&TimerSpec::at(noon).cancel_on_set())?;
//!
//! clock.set_realtime(noon - Duration::from_secs(10))?; // an administrator sets the wall clock
//! poller.wait(&mut events, Some(Duration::ZERO))?;
//! assert_eq!(events.iter().next().map(|event| event.key), Some(7));
//! assert!(is_clock_change(&timer.read().unwrap_err()));
//! assert_eq!(clock.advance_to_next(), Some(Duration::from_secs(10)));
//! assert_eq!(timer.read()?, 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Code that waits
//!
//! [`wait`](crate::Timer::wait) and a blocking read wait until another thread advances the clock. A
//! test runs such code in a separate thread, and advances the clock whenever all threads of that
//! code [wait](SimulatedClock::waiting). Then every run of the test gives the same result:
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
//!         clock.advance_to_next().expect("the thread waits for an armed timer");
//!     }
//!     thread::yield_now();
//! }
//! assert_eq!(worker.join().unwrap()?, 10);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`waiting`](SimulatedClock::waiting) does not count a thread that waits in a poller. Let such a
//! thread notify the test after each iteration of the thread's loop. Alternatively, run the
//! iterations in the test itself, and poll with a timeout of zero, as in the section
//! [above](#testing-with-an-event-loop).

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

/// The backend of a [`TimerFd`](crate::TimerFd) that was made from a [`SimulatedTimer`].
///
/// It is not listed in [`backends::ALL`](crate::backends::ALL), and its [`open`](Backend::open)
/// returns [`Unsupported`](io::ErrorKind::Unsupported), because a simulated timer can only be
/// created from [a clock](SimulatedClock::open).
pub const BACKEND: Backend = Backend::new("simulated", |_, _| Err(os_error(EOPNOTSUPP)), capabilities);

fn capabilities(clock: Clock) -> io::Result<Capabilities> {
    Ok(Capabilities {
        counts_suspend: Some(clock != Clock::Monotonic),
        wakes_system: clock.is_alarm(),
        cancel_on_set: clock.without_alarm() == Clock::Realtime,
        jump_latency: Some(Duration::ZERO),
        process_shared: false,
    })
}
