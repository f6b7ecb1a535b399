//! The part of `SimulatedClock` that is in Rust. All times are in nanoseconds.

use crate::arguments::int;
use crate::errors::os_error;
use crate::simulated_fds;
use crate::timer_set::Entries;
use descriptors::owned;
use libc::c_int;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use std::io;
use std::time::{Duration, Instant};
use timers::{Clock, ClockTime, CreateFlags, SimulatedClock, SimulatedTimer, TimerFd};

/// How long a thread waits before it lets Python handle signals, for example Ctrl-C.
const SLICE: Duration = Duration::from_millis(50);

/// A simulated clock, and the timers on it by descriptor.
#[pyclass(frozen, module = "portable_timerfd._timerfd")]
pub(crate) struct Machine(SimulatedClock);

fn clock(clockid: &Bound<'_, PyAny>) -> PyResult<Clock> {
    owned::clock(int(clockid)?).map_err(|error| os_error(clockid.py(), &error))
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[pymethods]
impl Machine {
    #[new]
    fn new() -> Machine {
        Machine(SimulatedClock::new())
    }

    /// Creates a timer and returns its descriptor, which `close` closes.
    fn create(&self, py: Python<'_>, clockid: &Bound<'_, PyAny>, flags: &Bound<'_, PyAny>) -> PyResult<c_int> {
        let (clock, flags) = (clock(clockid)?, int(flags)? | libc::O_CLOEXEC);
        let opened = CreateFlags::from_tfd_flags(flags).and_then(|flags| self.0.open(clock, flags));
        opened.map(simulated_fds::add).map_err(|error| os_error(py, &error))
    }

    /// Ends a timer and closes its descriptor.
    #[staticmethod]
    fn close(fd: c_int) {
        simulated_fds::close(fd);
    }

    /// Reads a timer. If it has not expired, waits until then if `waits`, and up to `limit`.
    #[staticmethod]
    fn read(py: Python<'_>, fd: c_int, waits: bool, limit: Option<u64>) -> PyResult<u64> {
        let closed = || os_error(py, &io::Error::from_raw_os_error(libc::EBADF));
        let timer = simulated_fds::find(fd).ok_or_else(closed)?;
        if !waits {
            return timer.try_read().map_err(|error| os_error(py, &error));
        }
        wait(py, &timer, limit.map(Duration::from_nanos))
    }

    /// Creates an empty set of deadlines.
    fn entries(&self, py: Python<'_>, clockid: &Bound<'_, PyAny>) -> PyResult<Entries> {
        let timer = self.0.timer(clock(clockid)?).map(TimerFd::from).map_err(|error| os_error(py, &error))?;
        Entries::of(py, timer, 0)
    }

    fn now(&self, clockid: &Bound<'_, PyAny>) -> PyResult<i64> {
        Ok(nanos(self.0.now(clock(clockid)?).since_zero()))
    }

    fn advance(&self, py: Python<'_>, by: u64) {
        py.detach(|| self.0.advance(Duration::from_nanos(by)));
    }

    fn advance_to_next(&self, py: Python<'_>) -> Option<i64> {
        py.detach(|| self.0.advance_to_next()).map(nanos)
    }

    fn next_expiration(&self) -> Option<i64> {
        self.0.next_expiration().map(nanos)
    }

    fn set_latency(&self, latency: u64) {
        self.0.set_latency(Duration::from_nanos(latency));
    }

    fn set_realtime(&self, py: Python<'_>, time: u64) -> PyResult<()> {
        let time = ClockTime::new(Clock::Realtime, Duration::from_nanos(time));
        self.0.set_realtime(time).map_err(|error| os_error(py, &error))
    }

    fn suspend(&self, py: Python<'_>, duration: u64) -> i64 {
        nanos(py.detach(|| self.0.suspend(Duration::from_nanos(duration))))
    }

    fn has_unread(&self) -> bool {
        self.0.has_unread()
    }

    fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

/// Waits for an expiration, in slices.
fn wait(py: Python<'_>, timer: &SimulatedTimer, limit: Option<Duration>) -> PyResult<u64> {
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let may_repeat = |error: &io::Error| match error.kind() {
            io::ErrorKind::Interrupted => true,
            io::ErrorKind::TimedOut => left > SLICE,
            _ => false,
        };
        match py.detach(|| timer.wait(Some(left.min(SLICE)))) {
            Err(error) if may_repeat(&error) => py.check_signals()?,
            // As Timer.read() and sockets do.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(PyTimeoutError::new_err("timed out")),
            result => return result.map_err(|error| os_error(py, &error)),
        }
    }
}
