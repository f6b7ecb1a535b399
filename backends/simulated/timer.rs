//! A timer on a simulated clock.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::clock::SimulatedClock;
use super::machine;
use super::times::Times;
use crate::backends::emulation::pipe::TimerPipe;
use crate::backends::emulation::queue::TimerId;
use crate::backends::emulation::read::{self, LockedState};
use crate::backends::emulation::state::TimerState;
use crate::backends::sys::error::{os_error, ESRCH, ETIMEDOUT};
use crate::backends::sys::fd::{is_nonblocking, wait_readable};
use crate::clock::Clock;
use crate::clock_time::ClockTime;
use crate::flags::CreateFlags;
use crate::inherent::inherent_methods;
use crate::pollable::Pollable;
use crate::spec::TimerSpec;
use crate::timer::Timer;

/// A timer on a [`SimulatedClock`].
///
/// Dropping the timer closes its descriptor. The methods lock the clock and all its timers. No
/// method blocks while it holds that lock.
pub struct SimulatedTimer {
    /// Closed after `drop` has ended the timer, because the timer's pipe borrows this descriptor.
    reader: OwnedFd,
    clock: Clock,
    simulated: SimulatedClock,
    id: TimerId,
    state: machine::Timer,
}

impl SimulatedTimer {
    pub(super) fn new(simulated: &SimulatedClock, clock: Clock, flags: CreateFlags) -> io::Result<SimulatedTimer> {
        let (pipe, reader) = TimerPipe::new(flags)?;
        let mut machine = simulated.machine().ok_or_else(|| os_error(ESRCH))?;
        let (id, state) = machine.add(clock, pipe);
        drop(machine);
        Ok(SimulatedTimer { reader, clock, simulated: simulated.clone(), id, state })
    }

    /// Reads the timer. If it is not readable and the thread may wait, records that it waits.
    fn try_read_or_wait(&self, is_waiting: &mut bool, may_wait: bool) -> io::Result<u64> {
        let mut machine = self.simulated.own_machine();
        let present = machine.with(self.id, &self.state, |state, times| state.try_read(times));
        let is_nothing = matches!(&present, Err(e) if e.kind() == io::ErrorKind::WouldBlock);
        let waited = std::mem::replace(is_waiting, may_wait && is_nothing);
        machine.count_waiting(self.id, waited, *is_waiting);
        present
    }

    /// Returns `ESRCH` in a forked child, where another thread may have held the lock.
    fn own(&self) -> io::Result<&SimulatedTimer> {
        if self.simulated.is_inherited() {
            return Err(os_error(ESRCH));
        }
        Ok(self)
    }
}

impl LockedState for SimulatedTimer {
    type Clocks = Times;

    fn with<R>(&self, operation: impl FnOnce(&mut TimerState, &Times) -> R) -> R {
        self.simulated.own_machine().with(self.id, &self.state, operation)
    }
}

impl Timer for SimulatedTimer {
    fn clock(&self) -> Clock {
        self.clock
    }

    fn replace(&self, new: &TimerSpec) -> io::Result<TimerSpec> {
        new.check_clock(self.clock)?;
        self.own()?.with(|state, times| state.settime(times, self.clock, new))
    }

    fn get(&self) -> io::Result<TimerSpec> {
        self.own()?.with(|state, times| state.gettime(times).map(|(setting, _)| setting))
    }

    fn read(&self) -> io::Result<u64> {
        // A thread that does not wait must not count as blocked. The mode is switched only under
        // the lock, for the length of a read.
        let (present, may_wait) =
            self.own()?.with(|state, times| (state.try_read(times), !is_nonblocking(&self.reader).unwrap_or(false)));
        match present {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && may_wait => read::read(self, &self.reader),
            present => present,
        }
    }

    fn try_read(&self) -> io::Result<u64> {
        self.own()?.with(|state, times| state.try_read(times))
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<u64> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (mut is_waiting, mut polled) = (false, Ok(true));
        loop {
            let may_wait = polled.is_ok() && !deadline.is_some_and(|deadline| deadline <= Instant::now());
            match self.own()?.try_read_or_wait(&mut is_waiting, may_wait) {
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
                Err(_) if is_waiting => polled = wait_readable(self.as_fd(), deadline),
                Err(_) => return Err(polled.err().unwrap_or_else(|| os_error(ETIMEDOUT))),
                present => return present,
            }
        }
    }

    fn now(&self, clock: Clock) -> io::Result<ClockTime> {
        Ok(self.own()?.simulated.now(clock))
    }
}

inherent_methods!(SimulatedTimer);

impl Drop for SimulatedTimer {
    fn drop(&mut self) {
        if let Some(mut machine) = self.simulated.machine() {
            machine.remove(self.id);
        }
    }
}

impl Pollable for SimulatedTimer {
    fn as_pollable(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
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
