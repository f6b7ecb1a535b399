//! Timers for tests: real descriptors, on a clock that moves when the test says so.
//!
//! Code that is driven by timers is slow to test, and its tests fail on a busy machine, as long as they wait for real time. Here
//! nothing waits: the test arms, [advances](SimulatedClock::advance) the clock, by an hour if it likes, and looks at what came of it.
//! Steps of the wall clock and suspends, which no test can make on a real machine, are calls too.
//!
//! There is no thread, no global state, and no real clock. What is promised of a [`Timer`] holds, by the simulated clock, and more
//! exactly than on any other backend: a plain `read(2)` too gives the count as of now.
//!
//! # A component tested
//!
//! A component takes its timer, or a function that makes it timers, from whoever uses it. In the program that is
//! [`TimerFd::new`](crate::TimerFd::new), in a test [`SimulatedClock::timer`]. This one tries something again and again, each time
//! after twice as long, and gives up after an hour. It is told when its timer is readable, by a loop that it does not own:
//!
//! ```
//! use portable_timerfd::{Clock, SimulatedClock, Timer, TimerFd};
//! use std::{io, time::Duration};
//!
//! struct Retry<T: Timer> {
//!     timer: T,
//!     delay: Duration,
//!     waited: Duration,
//! }
//!
//! impl<T: Timer> Retry<T> {
//!     const LIMIT: Duration = Duration::from_secs(3600);
//!
//!     fn new(timer: impl FnOnce(Clock) -> io::Result<T>) -> io::Result<Retry<T>> {
//!         let retry = Retry { timer: timer(Clock::Monotonic)?, delay: Duration::from_millis(100), waited: Duration::ZERO };
//!         retry.timer.arm_after(retry.delay)?;
//!         Ok(retry)
//!     }
//!
//!     /// Called when the timer is readable. Whether it goes on.
//!     fn on_readable(&mut self, attempt: &mut dyn FnMut() -> bool) -> io::Result<bool> {
//!         self.timer.read()?;
//!         self.waited += self.delay;
//!         if attempt() || self.waited >= Self::LIMIT {
//!             return Ok(false);
//!         }
//!         self.delay = (self.delay * 2).min(Self::LIMIT - self.waited);
//!         self.timer.arm_after(self.delay)?;
//!         Ok(true)
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
//! while clock.advance_to_next().is_some() {
//!     let at = clock.now(Clock::Monotonic) - begun;
//!     retry.on_readable(&mut || { attempts.push(at.as_millis()); false })?;
//! }
//! assert_eq!(attempts[..5], [100, 300, 700, 1_500, 3_100]);
//! assert_eq!((attempts.len(), attempts.last()), (16, Some(&3_600_000)));
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
//! A blocking read, [`wait`](Timer::wait), or a loop that waits in a thread of its own, waits until another thread moves the clock;
//! the limit of `wait` is one of real time. A test lets such code run beside it, and moves the clock whenever everything was read that
//! has expired, so that each count is the same in every run:
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
//! let waiting = thread::spawn(move || ten_times(&timer));
//! while !waiting.is_finished() {
//!     if !clock.has_unread() {
//!         clock.advance_to_next();
//!     }
//!     thread::yield_now();
//! }
//! assert_eq!(waiting.join().unwrap()?, 10);
//! # Ok::<(), std::io::Error>(())
//! ```

mod clock;
mod machine;
mod times;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::backend::Backend;
use crate::backends::emulation::latch::Latch;
use crate::backends::emulation::reading::{self, Locked};
use crate::backends::emulation::state::State;
use crate::backends::sys::error::{os_error, EOPNOTSUPP, ESRCH};
use crate::capabilities::Capabilities;
use crate::clock::Clock;
use crate::flags::CreateFlags;
use crate::spec::TimerSpec;
use crate::timer::Timer;
pub use clock::SimulatedClock;
use machine::lock;
use times::Times;

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

/// A timer on a [`SimulatedClock`]. Dropping it closes the descriptor and ends the timer.
///
/// The methods take a lock that those of the clock and of its other timers take too; none of them waits under it.
pub struct SimulatedTimer {
    /// The latch has it on loan, and is gone when it is closed: fields drop after [`Drop`].
    reader: OwnedFd,
    clock: Clock,
    simulated: SimulatedClock,
    id: u64,
    state: machine::Timer,
}

impl SimulatedTimer {
    fn new(simulated: &SimulatedClock, clock: Clock, flags: CreateFlags) -> io::Result<SimulatedTimer> {
        let (latch, reader) = Latch::new(flags)?;
        let mut machine = simulated.machine().ok_or_else(|| os_error(ESRCH))?;
        let (id, state) = machine.add(clock, latch);
        drop(machine);
        Ok(SimulatedTimer { reader, clock, simulated: simulated.clone(), id, state })
    }

    /// The clock that the timer counts on.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// An error where the locks must not be touched: in a child of the process that made the timer.
    fn own(&self) -> io::Result<&SimulatedTimer> {
        if self.simulated.is_inherited() {
            return Err(os_error(ESRCH));
        }
        Ok(self)
    }
}

impl Locked for SimulatedTimer {
    type World = Times;

    fn with<R>(&self, act: impl FnOnce(&mut State, &Times) -> R) -> R {
        let mut machine = self.simulated.own_machine();
        let mut state = lock(&self.state);
        let result = act(&mut state, &machine.times);
        machine.stand(self.id, &self.state, &mut state);
        result
    }
}

impl Timer for SimulatedTimer {
    fn settime(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        self.own()?.with(|state, times| state.settime(times, self.clock, new))
    }

    fn gettime(&self) -> io::Result<TimerSpec> {
        self.own()?.with(|state, times| state.asked(times).map(|(now, _)| state.report(now)))
    }

    fn read(&self) -> io::Result<u64> {
        reading::read(self.own()?, &self.reader)
    }

    fn try_read(&self) -> io::Result<u64> {
        self.own()?.with(|state, times| state.try_read(times))
    }
}

impl Drop for SimulatedTimer {
    fn drop(&mut self) {
        if let Some(mut machine) = self.simulated.machine() {
            machine.remove(self.id);
        }
    }
}

impl AsFd for SimulatedTimer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl AsRawFd for SimulatedTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}

impl fmt::Debug for SimulatedTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedTimer").field("fd", &self.reader).field("clock", &self.clock).finish_non_exhaustive()
    }
}
